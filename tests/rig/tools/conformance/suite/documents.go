package main

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// document is one record: its kind, and below it its fields.
type document map[string]map[string]any

// finding is what an import says of an object.
type finding struct{ Kind, Namespace, Name, Field, Loss, Problem string }

// What stays on record until the end: others come that name it.
var lasting = []string{"WorkloadDefinition", "WorkloadInstance", "DomainNameDefinition"}

func (d document) kind() string {
	for kind := range d {
		return kind
	}
	return ""
}

func (d document) fields() map[string]any { return d[d.kind()] }

func (d document) is(other document) bool {
	return d.kind() == other.kind() && d.fields()["Name"] == other.fields()["Name"]
}

// settled are the documents of an import with what it leaves to whoever applies them, and with what lasts of those that were applied before.
func settled(documents, before []document) []document {
	settled := slices.DeleteFunc(slices.Clone(before), func(old document) bool {
		return !slices.Contains(lasting, old.kind()) || slices.ContainsFunc(documents, old.is)
	})
	for _, one := range documents {
		fields := one.fields()
		// They end with their records, because nobody else keeps them.
		delete(fields, "KeepOnDelete")
		switch one.kind() {
		case "DomainNameDefinition":
			fill(fields, map[string]any{"AdminEmail": "ops@test.example", "Zone": "Public", "IssuerKind": "SelfSigned"})
		case "SharedGateway":
			if at := slices.IndexFunc(before, one.is); at >= 0 {
				attach(fields, before[at].fields())
			}
		}
	}
	order := func(d document) int { return slices.Index(lasting, d.kind()) }
	settled = append(settled, documents...)
	// What lasts comes first, a definition before its instance. All else stays in its order.
	slices.SortStableFunc(settled, func(a, b document) int {
		left, right := order(a), order(b)
		switch {
		case left >= 0 && right >= 0:
			return left - right
		case left >= 0:
			return -1
		case right >= 0:
			return 1
		}
		return 0
	})
	return settled
}

func fill(fields, more map[string]any) {
	for key, value := range more {
		if _, there := fields[key]; !there {
			fields[key] = value
		}
	}
}

// attach keeps letting in whom a Gateway has let in: the next test's route is of the same namespace.
func attach(fields, before map[string]any) {
	were, _ := before["WorkloadInstances"].([]any)
	if were == nil {
		return
	}
	now, _ := fields["WorkloadInstances"].([]any)
	for _, one := range were {
		name, _ := one.(map[string]any)
		isIn := slices.ContainsFunc(now, func(other any) bool {
			same, _ := other.(map[string]any)
			return same["Name"] == name["Name"]
		})
		if !isIn {
			now = append(now, one)
		}
	}
	slices.SortFunc(now, func(a, b any) int {
		left, _ := a.(map[string]any)["Name"].(string)
		right, _ := b.(map[string]any)["Name"].(string)
		return strings.Compare(left, right)
	})
	fields["WorkloadInstances"], fields["AttachableBy"] = now, before["AttachableBy"]
}

// missing are those that were and aren't any more.
func missing(before, now []document) []document {
	return slices.DeleteFunc(slices.Clone(before), func(old document) bool { return slices.ContainsFunc(now, old.is) })
}

// leftBecause is why no record stands for an object; empty: one does.
func leftBecause(object *unstructured.Unstructured, report []finding) string {
	isGrant := object.GetKind() == "ReferenceGrant"
	var why []string
	for _, one := range report {
		if one.Kind != object.GetKind() || one.Namespace != object.GetNamespace() || one.Name != object.GetName() || one.Loss == "Needed" {
			continue
		}
		// What is said of every grant: that it stays beside the record.
		if isGrant && one.Field == "" && one.Loss == "Lossy" {
			continue
		}
		why = append(why, strings.TrimSpace(one.Field+" "+one.Problem))
	}
	return strings.Join(why, "; ")
}
