package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// The label by which the control plane knows its objects.
	ownerLabel = "causeway.dev/owner"
	// Workers have this long to write an object, also while other tests keep the machine busy.
	writtenWithin = 2 * time.Minute
	// All records are deleted in this time.
	closedWithin = 4 * time.Minute
	// The namespaces of the suite.
	namespaces = "gateway-conformance-"
)

// Objects says how those of a test came into the cluster.
type Objects struct {
	// Objects that workers wrote, or took over, because a record asks for them.
	Taken []string `json:",omitempty"`
	// Objects that were applied straight, each with what the import says.
	Beside map[string]string `json:",omitempty"`
}

// records are what stands on record of the objects that the suite has created. After each change all of them are imported again, and what differs is applied: as
// somebody would who keeps them in a repository.
type records struct {
	api  commands
	kube client.Client
	// The objects that are wanted, in their order.
	kept []*unstructured.Unstructured
	// The documents that were applied.
	applied []document
	// Objects that are applied straight, and why.
	beside map[string]string
	// Routes among these that come before their Gateway: they wait for it until somebody reads them, and then are on record from the start.
	waiting map[string]bool
	// What happened since it was asked last, to other objects than those that stood then.
	noted Objects
	stood map[string]bool
}

func newRecords(t *testing.T, kube client.Client) *records {
	return &records{api: commands{home: t.TempDir()}, kube: kube, beside: map[string]string{}, waiting: map[string]bool{}}
}

// take returns what happened since it was asked last.
func (r *records) take() Objects {
	if r == nil {
		return Objects{}
	}
	noted := r.noted
	r.noted, r.stood = Objects{}, map[string]bool{}
	for _, object := range r.kept {
		r.stood[called(object)] = true
	}
	return noted
}

// put has an object stand as it is wanted. straight writes an object that no record stands for; nil: it is created.
func (r *records) put(ctx context.Context, wanted *unstructured.Unstructured, straight func() error) error {
	before, err := live(ctx, r.kube, wanted)
	if err != nil {
		return err
	}
	kept := slices.Clone(r.kept)
	if at := r.index(wanted); at >= 0 {
		r.kept[at] = wanted
	} else {
		r.kept = append(r.kept, wanted)
	}
	changed, err := r.sync(ctx, true)
	if err != nil {
		r.kept = kept
		return err
	}
	for _, object := range r.kept {
		_, left := r.beside[called(object)]
		switch {
		case left && object == wanted:
			err = r.stand(ctx, object, straight)
		case left:
			err = r.stand(ctx, object, nil)
		case object == wanted:
			err = r.written(ctx, object, before, changed)
		default:
			err = r.written(ctx, object, nil, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stand has an object in the cluster for which there is no record.
func (r *records) stand(ctx context.Context, object *unstructured.Unstructured, change func() error) error {
	found, err := live(ctx, r.kube, object)
	switch {
	case err != nil:
		return err
	case found == nil && isRoute(object) && r.lacksGateway(object):
		r.waiting[called(object)] = true
	case found == nil:
		delete(r.waiting, called(object))
		return client.IgnoreAlreadyExists(r.kube.Create(ctx, object.DeepCopy()))
	case change != nil:
		return change()
	}
	return nil
}

// lacksGateway says whether a route names a Gateway that isn't created yet.
func (r *records) lacksGateway(route *unstructured.Unstructured) bool {
	parents, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	return slices.ContainsFunc(parents, func(parent any) bool {
		gateway := &unstructured.Unstructured{}
		gateway.SetKind("Gateway")
		gateway.SetNamespace(route.GetNamespace())
		reference, _ := parent.(map[string]any)
		if namespace, said := reference["namespace"].(string); said {
			gateway.SetNamespace(namespace)
		}
		name, _ := reference["name"].(string)
		gateway.SetName(name)
		return r.index(gateway) < 0
	})
}

// create has the routes in the cluster that wait and are read now.
func (r *records) create(ctx context.Context, isRead func(*unstructured.Unstructured) bool) error {
	for _, object := range r.kept {
		name := called(object)
		if !r.waiting[name] || !isRead(object) {
			continue
		}
		delete(r.waiting, name)
		if err := client.IgnoreAlreadyExists(r.kube.Create(ctx, object.DeepCopy())); err != nil {
			return err
		}
	}
	return nil
}

// remove ends an object with its record.
func (r *records) remove(ctx context.Context, wanted *unstructured.Unstructured) error {
	_, left := r.beside[called(wanted)]
	if at := r.index(wanted); at >= 0 {
		r.kept = slices.Delete(slices.Clone(r.kept), at, at+1)
	}
	delete(r.beside, called(wanted))
	delete(r.waiting, called(wanted))
	if left {
		if err := client.IgnoreNotFound(r.kube.Delete(ctx, wanted.DeepCopy())); err != nil {
			return err
		}
	}
	// What can't be on record without it is about to go, too, and isn't told.
	_, err := r.sync(ctx, false)
	return err
}

// sync has the records say what is kept. It returns whether any is another one than before.
func (r *records) sync(ctx context.Context, tells bool) (bool, error) {
	stream, err := r.stream(ctx)
	if err != nil {
		return false, err
	}
	imported, err := r.api.imported(ctx, stream)
	if err != nil {
		return false, err
	}
	documents := settled(imported.Documents, r.applied)
	if gone := missing(r.applied, documents); len(gone) > 0 {
		if err := r.api.delete(ctx, gone); err != nil {
			return false, err
		}
	}
	same := func(one document) bool {
		return slices.ContainsFunc(r.applied, func(old document) bool { return reflect.DeepEqual(old, one) })
	}
	changed := slices.DeleteFunc(slices.Clone(documents), same)
	if len(changed) > 0 {
		if err := r.api.apply(ctx, changed); err != nil {
			// What of it is on record isn't known: all of it is deleted, or written again.
			r.applied = append(r.applied, missing(documents, r.applied)...)
			return false, err
		}
	}
	r.applied = documents
	return len(changed) > 0, r.note(ctx, imported.Report, tells)
}

// note keeps in mind which objects no record stands for. One that had none and has one now is taken over as it stands.
func (r *records) note(ctx context.Context, report []finding, tells bool) error {
	routesLeft := slices.ContainsFunc(r.kept, func(object *unstructured.Unstructured) bool {
		return isRoute(object) && leftBecause(object, report) != ""
	})
	for _, object := range r.kept {
		name, why := called(object), leftBecause(object, report)
		if why == "" && object.GetKind() == "ReferenceGrant" && routesLeft {
			why = "a route that isn't taken over may need it"
		}
		if why != "" {
			r.beside[name] = why
			if r.noted.Beside == nil {
				r.noted.Beside = map[string]string{}
			}
			if tells && !r.stood[name] {
				r.noted.Beside[name] = why
				r.noted.Taken = slices.DeleteFunc(r.noted.Taken, func(taken string) bool { return taken == name })
			}
			continue
		}
		delete(r.beside, name)
		delete(r.waiting, name)
		delete(r.noted.Beside, name)
		if object.GetKind() == "ReferenceGrant" {
			// A grant on record has an object of its own.
			if err := client.IgnoreNotFound(r.kube.Delete(ctx, object.DeepCopy())); err != nil {
				return err
			}
		}
		if !r.stood[name] && !slices.Contains(r.noted.Taken, name) {
			r.noted.Taken = append(r.noted.Taken, name)
		}
	}
	return nil
}

// written waits until the cluster has an object as its record asks for it.
func (r *records) written(ctx context.Context, object, before *unstructured.Unstructured, changed bool) error {
	if object.GetKind() == "ReferenceGrant" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writtenWithin)
	defer cancel()
	for {
		found, err := live(ctx, r.kube, object)
		isOwn := found != nil && found.GetLabels()[ownerLabel] != ""
		isNew := !changed || before == nil || before.GetLabels()[ownerLabel] == "" || found != nil && found.GetGeneration() > before.GetGeneration()
		if err == nil && isOwn && isNew {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("workers haven't written %s within %s: %s", called(object), writtenWithin, r.api.condition(object))
		}
	}
}

// stream has the objects that are kept, with the namespaces that they are in.
func (r *records) stream(ctx context.Context) (string, error) {
	var stream strings.Builder
	list := &corev1.NamespaceList{}
	if err := r.kube.List(ctx, list); err != nil {
		return "", err
	}
	for i := range list.Items {
		namespace := &list.Items[i]
		if strings.HasPrefix(namespace.Name, namespaces) {
			text := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace.Name, "labels": namespace.Labels}}
			if err := json.NewEncoder(&stream).Encode(text); err != nil {
				return "", err
			}
		}
	}
	for _, object := range r.kept {
		if err := json.NewEncoder(&stream).Encode(runtime.DeepCopyJSONValue(object.Object)); err != nil {
			return "", err
		}
	}
	return stream.String(), nil
}

func (r *records) index(wanted *unstructured.Unstructured) int {
	return slices.IndexFunc(r.kept, func(object *unstructured.Unstructured) bool { return called(object) == called(wanted) })
}

// close deletes what is on record still, and the namespaces. The suite has deleted these before, but as long as a record asked for one it was made again.
func (r *records) close(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), closedWithin)
	defer cancel()
	if len(r.applied) > 0 {
		require.NoError(t, r.api.delete(ctx, r.applied))
	}
	list := &corev1.NamespaceList{}
	require.NoError(t, r.kube.List(ctx, list))
	for i := range list.Items {
		if strings.HasPrefix(list.Items[i].Name, namespaces) {
			require.NoError(t, client.IgnoreNotFound(r.kube.Delete(ctx, &list.Items[i])))
		}
	}
}

func isRoute(object *unstructured.Unstructured) bool {
	return strings.HasSuffix(object.GetKind(), "Route")
}

// called names an object.
func called(object *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
}
