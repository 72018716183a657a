package main

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Kinds of objects that records stand for.
var kinds = map[string]bool{"Gateway": true, "HTTPRoute": true, "GRPCRoute": true, "TLSRoute": true, "ReferenceGrant": true}

// recording is the client that the suite gets: what it writes of some kinds are records, and workers write the objects.
type recording struct {
	client.Client
	records *records
}

func (r *recording) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	wanted, err := r.wanted(object)
	if err != nil || wanted == nil {
		return orElse(err, func() error { return r.Client.Create(ctx, object, options...) })
	}
	if err := r.records.put(ctx, wanted, nil); err != nil {
		return err
	}
	// One that waits for its Gateway isn't read yet.
	return client.IgnoreNotFound(r.Client.Get(ctx, client.ObjectKeyFromObject(object), object))
}

// Get creates what is read and waits for its Gateway.
func (r *recording) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	kind, err := apiutil.GVKForObject(object, r.Scheme())
	if err != nil {
		return err
	}
	isRead := func(waiting *unstructured.Unstructured) bool {
		return waiting.GetKind() == kind.Kind && client.ObjectKeyFromObject(waiting) == key
	}
	return orElse(r.records.create(ctx, isRead), func() error { return r.Client.Get(ctx, key, object, options...) })
}

// List creates what is read and waits for its Gateway.
func (r *recording) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	kind, err := apiutil.GVKForObject(list, r.Scheme())
	if err != nil {
		return err
	}
	isRead := func(waiting *unstructured.Unstructured) bool { return waiting.GetKind()+"List" == kind.Kind }
	return orElse(r.records.create(ctx, isRead), func() error { return r.Client.List(ctx, list, options...) })
}

func (r *recording) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	wanted, err := r.wanted(object)
	if err != nil || wanted == nil {
		return orElse(err, func() error { return r.Client.Update(ctx, object, options...) })
	}
	if err := r.records.put(ctx, wanted, func() error { return r.Client.Update(ctx, object, options...) }); err != nil {
		return err
	}
	return r.Get(ctx, client.ObjectKeyFromObject(object), object)
}

func (r *recording) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	wanted, err := r.wanted(object)
	if err != nil || wanted == nil {
		return orElse(err, func() error { return r.Client.Patch(ctx, object, patch, options...) })
	}
	if err := r.records.put(ctx, wanted, func() error { return r.Client.Patch(ctx, object, patch, options...) }); err != nil {
		return err
	}
	return r.Get(ctx, client.ObjectKeyFromObject(object), object)
}

func (r *recording) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	wanted, err := r.wanted(object)
	if err != nil || wanted == nil {
		return orElse(err, func() error { return r.Client.Delete(ctx, object, options...) })
	}
	return r.records.remove(ctx, wanted)
}

func orElse(err error, other func() error) error {
	if err != nil {
		return err
	}
	return other()
}

// wanted is an object as its author wrote it; nil: no record stands for its kind.
func (r *recording) wanted(object client.Object) (*unstructured.Unstructured, error) {
	kind, err := apiutil.GVKForObject(object, r.Scheme())
	if err != nil || kind.Group != gatewayv1.GroupName || !kinds[kind.Kind] {
		return nil, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	wanted := &unstructured.Unstructured{Object: map[string]any{"spec": runtime.DeepCopyJSONValue(content["spec"])}}
	wanted.SetGroupVersionKind(kind)
	wanted.SetName(object.GetName())
	wanted.SetNamespace(object.GetNamespace())
	return wanted, nil
}

// live is the object that the cluster has; nil: none.
func live(ctx context.Context, c client.Client, wanted *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(wanted.GroupVersionKind())
	err := c.Get(ctx, client.ObjectKeyFromObject(wanted), found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return found, err
}
