package node

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"entente"
	"entente/store"
)

// TearlineOptions are what the author of a tear-line says.
type TearlineOptions struct {
	Name        string
	Description string
	Marking     entente.TLP // [entente.TLPNone] for the highest that the terms release
	// Drop are objects that the report is not to refer to.
	Drop []entente.ObjectID
}

// TearlineDraft is a report of home's own over the part of an object that may be released.
type TearlineDraft struct {
	Report []byte // a STIX 2.1 report
	Refs   []entente.ObjectID
	// Stricter is the version because of which somebody has to decide about older ones, the
	// zero digest if there is none.
	Stricter entente.Digest
}

// maxTearline bounds how many objects a draft refers to.
const maxTearline = 1000

// Tearline drafts a report over what stands in an agreement's feeds of that which an object
// refers to or is related to. It takes nothing out of the object itself: what the report
// says in words is its author's. For analysts and releasers.
func (n *Node) Tearline(ctx context.Context, a entente.Actor, agreement string, id entente.ObjectID, o TearlineOptions) (TearlineDraft, error) {
	var out TearlineDraft
	if !a.May(entente.Author) {
		return out, entente.Errorf(entente.Forbidden, "a tear-line is drafted by somebody who holds the role analyst or releaser now, under a name: --as")
	}
	if o.Name == "" {
		return out, entente.Errorf(entente.Invalid, "a report has a name; say what it is about")
	}
	err := n.view(ctx, a, func(t *store.Tx) error {
		g, err := agreementNamed(ctx, t, agreement)
		if err != nil {
			return err
		}
		if o.Marking == entente.TLPNone {
			o.Marking = g.Terms.Highest
		}
		if o.Marking > g.Terms.Highest {
			return entente.Errorf(entente.Invalid, "the terms of %q release up to %s, so a report marked %s would not go", g.Name, g.Terms.Highest, o.Marking)
		}
		lib, err := n.present(ctx, t, g)
		if err != nil {
			return err
		}
		if out.Refs, err = releasable(lib, id, o.Drop); err != nil {
			return err
		}
		if len(out.Refs) == 0 {
			return entente.Errorf(entente.Conflict, "nothing that %s refers to or is related to stands in the feeds of %q, so there is nothing to report over", id, g.Name)
		}
		k, err := t.Case(ctx, id, []entente.Agreement{*g})
		if err != nil {
			return err
		}
		for _, h := range k.Concerns[0].Held {
			if h.Waits == entente.AwaitsDecision {
				out.Stricter = h.Digest
			}
		}
		out.Report, err = n.report(ctx, t, lib, o, out.Refs)
		return err
	})
	return out, err
}

// releasable lists what a report about an object may refer to: of what it refers to and what
// relationships in the feeds join it with, that which stands in the feeds.
func releasable(lib *store.Library, id entente.ObjectID, drop []entente.ObjectID) ([]entente.ObjectID, error) {
	near, err := lib.Matters([]entente.ObjectID{id})
	if err != nil {
		return nil, err
	}
	if len(near[0].Submissions) == 0 {
		return nil, entente.Errorf(entente.NotFound, "no collection that the agreement covers holds %s", id)
	}
	about, err := lib.Referrers([]entente.ObjectID{id})
	if err != nil {
		return nil, err
	}
	if about = slices.DeleteFunc(about, func(x entente.ObjectID) bool { return x.Type() != "relationship" }); len(about) > 0 {
		links, err := lib.Matters(about)
		if err != nil {
			return nil, err
		}
		near = append(near, links...)
	}
	var refs []entente.ObjectID
	for _, m := range near {
		for _, s := range m.Submissions {
			for _, ref := range s.Version.References {
				if ref != id && ref != s.Version.CreatedBy && ref.Type() != "marking-definition" && !slices.Contains(drop, ref) {
					refs = append(refs, ref)
				}
			}
		}
	}
	slices.Sort(refs)
	refs = slices.Compact(refs)
	found, err := lib.Present(refs)
	if err != nil {
		return nil, err
	}
	refs = slices.DeleteFunc(refs, func(ref entente.ObjectID) bool { return found[ref]&entente.InFeed == 0 })
	return refs[:min(len(refs), maxTearline)], nil
}

// report writes the report. It names home as its creator where home's identity stands in the
// feeds, as it would wait for it else.
func (n *Node) report(ctx context.Context, t *store.Tx, lib *store.Library, o TearlineOptions, refs []entente.ObjectID) ([]byte, error) {
	id, err := n.NewID()
	if err != nil {
		return nil, err
	}
	now := time.UnixMicro(n.now()).UTC().Format("2006-01-02T15:04:05.000Z")
	r := struct {
		Type        string             `json:"type"`
		Spec        string             `json:"spec_version"`
		ID          string             `json:"id"`
		CreatedBy   entente.ObjectID   `json:"created_by_ref,omitempty"`
		Created     string             `json:"created"`
		Modified    string             `json:"modified"`
		Name        string             `json:"name"`
		Description string             `json:"description,omitempty"`
		Published   string             `json:"published"`
		Refs        []entente.ObjectID `json:"object_refs"`
		Marking     []entente.ObjectID `json:"object_marking_refs"`
	}{Type: "report", Spec: "2.1", ID: "report--" + id, Created: now, Modified: now, Name: o.Name, Description: o.Description,
		Published: now, Refs: refs, Marking: []entente.ObjectID{o.Marking.Definition()}}
	all, err := t.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	for _, org := range all {
		if !org.Home || len(org.Identities) == 0 {
			continue
		}
		found, err := lib.Present(org.Identities)
		if err != nil {
			return nil, err
		}
		for _, own := range org.Identities {
			if r.CreatedBy == "" && found[own] != 0 {
				r.CreatedBy = own
			}
		}
	}
	return json.Marshal(r)
}
