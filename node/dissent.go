package node

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"entente"
	"entente/stix"
	"entente/store"
)

// NewDissent is dissent that somebody of home writes.
type NewDissent struct {
	About      entente.ObjectID
	Collection string // id; "" for the one where the object stands, if it is one
	Note       bool   // a note marked as dissent, not an opinion
	Strongly   bool   // strongly-disagree
	Text       string
	Authors    []string
	Marking    entente.TLP // TLPNone for the marking of the object itself
}

// maxDissentText is the most bytes of a dissent's text, and of an author's name.
const maxDissentText = 64 << 10

// Dissent writes dissent of home's own as a standard STIX object, and submits it.
func (n *Node) Dissent(ctx context.Context, a entente.Actor, d NewDissent) (entente.Receipt, error) {
	v, collection, err := n.draftDissent(ctx, a, d)
	if err != nil {
		return entente.Receipt{}, err
	}
	return n.Do(ctx, a, entente.AddDissent{Collection: collection, Version: v})
}

// draftDissent writes dissent as a STIX object, and gives the collection that it is for.
func (n *Node) draftDissent(ctx context.Context, a entente.Actor, d NewDissent) (*entente.Version, string, error) {
	for _, s := range append([]string{d.Text}, d.Authors...) {
		if !utf8.ValidString(s) || strings.TrimSpace(s) == "" || len(s) > maxDissentText {
			return nil, "", entente.Errorf(entente.Invalid, "dissent says why, and names its authors, in text of at most %d bytes of UTF-8", maxDissentText)
		}
	}
	if d.Note && d.Strongly {
		return nil, "", entente.Errorf(entente.Invalid, "a note has no degree of disagreement: an opinion does")
	}
	all, err := n.Object(ctx, a, d.About)
	if err != nil {
		return nil, "", err
	}
	draft := stix.DissentDraft{Note: d.Note, Strongly: d.Strongly, About: d.About, Text: d.Text, Authors: d.Authors, Now: n.now()}
	where, marking := standsIn(all)
	if d.Collection == "" {
		if len(where) != 1 {
			return nil, "", entente.Errorf(entente.Conflict, "%s stands in %d collections that you may read; name the one that the dissent is for", d.About, len(where))
		}
		d.Collection = where[0]
	}
	if d.Marking != entente.TLPNone {
		marking = d.Marking
	}
	draft.Marking = marking.Definition()
	err = n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.Organisations(ctx)
		for _, o := range all {
			if o.Home && len(o.Identities) > 0 {
				draft.CreatedBy = o.Identities[0]
			}
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if draft.ID, err = n.NewID(); err != nil {
		return nil, "", err
	}
	raw, err := draft.Object()
	if err != nil {
		return nil, "", err
	}
	v, findings := stix.Parse(raw)
	if v == nil {
		return nil, "", entente.Errorf(entente.Invalid, "this cannot be written as a STIX object: %s", findings[0].Text)
	}
	return v, d.Collection, nil
}

// standsIn lists the collections where an object is served, and how it is marked there: the
// strictest of its latest versions.
func standsIn(all []ObjectVersion) (where []string, marking entente.TLP) {
	for _, v := range all {
		if !v.Latest {
			continue
		}
		marking = max(marking, v.Marking.TLP)
		for _, p := range v.Collections {
			if !p.Deleted && !slices.Contains(where, p.Collection) {
				where = append(where, p.Collection)
			}
		}
	}
	return where, marking
}

// HeldDissent is one opinion that disagrees, or a note marked as dissent.
type HeldDissent struct {
	entente.View
	Organisation string // the name of its source
	StruckBy     string // the name of who struck it
}

// Dissents lists dissent about an object, or all dissent where that is "", within what the
// account may read, oldest first. What is struck or revoked is in it, and says so.
func (n *Node) Dissents(ctx context.Context, a entente.Actor, about entente.ObjectID) (out []HeldDissent, more bool, err error) {
	err = n.view(ctx, a, func(t *store.Tx) error {
		r := assessing{ctx: ctx, t: t, held: map[entente.ObjectID]bool{}, more: &more}
		var err error
		if r.names, err = n.readable(ctx, t, a); err != nil {
			return err
		}
		if r.shown, err = reviewingOf(ctx, t, a); err != nil {
			return err
		}
		ids, err := t.Dissents(ctx, about, MaxAssessed+1)
		if err != nil {
			return err
		}
		if len(ids) > MaxAssessed {
			more, ids = true, ids[:MaxAssessed]
		}
		if err := r.read(ids...); err != nil {
			return err
		}
		strikes, err := r.strikes()
		if err != nil {
			return err
		}
		names, err := organisationNames(ctx, t)
		if err != nil {
			return err
		}
		who, err := strikers(ctx, t, strikes)
		if err != nil {
			return err
		}
		for _, v := range entente.Views(r.claims, strikes) {
			if !v.Statement.Stance.Against() || about != "" && !slices.Contains(v.Statement.About, about) {
				continue
			}
			d := HeldDissent{View: v, Organisation: names[v.Source]}
			if v.Struck != nil {
				d.StruckBy = who[v.Struck.Account]
			}
			out = append(out, d)
		}
		return nil
	})
	return out, more, err
}
