package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"entente"
	"entente/node"
)

type previewEntryView struct {
	Object     entente.ObjectID `json:"object"`
	name       string           // what people call it, "" where the account may not read it
	Collection string           `json:"collection"`
	Cascade    bool             `json:"cascade,omitempty"`
	Served     bool             `json:"served,omitempty"` // to somebody, as far as the ledger knows
	Reason     string           `json:"reason,omitempty"`
	Why        string           `json:"why,omitempty"`
}

type previewView struct {
	Agreement string             `json:"agreement"`
	Partner   string             `json:"partner,omitempty"` // whom it is about, where not every reader
	Stands    int64              `json:"stands"`            // entries now
	Enters    int64              `json:"enters"`
	Leaves    int64              `json:"leaves"`
	Cascades  int64              `json:"cascades"`
	Again     int64              `json:"again"`
	Disclosed int64              `json:"disclosed"`
	Served    int64              `json:"served"` // of what stays disclosed
	LeftOut   int64              `json:"left_out,omitempty"`
	Shut      bool               `json:"shut"`
	Opens     bool               `json:"opens,omitempty"`
	Why       string             `json:"why,omitempty"`  // why nothing changes
	Once      string             `json:"once,omitempty"` // what has to happen besides
	Waits     map[string]int64   `json:"waits,omitempty"`
	Entering  []previewEntryView `json:"entering"`
	Leaving   []previewEntryView `json:"leaving"`
}

// preview previews a change, and prints it with what the objects are called.
func (a *app) preview(ctx context.Context, n *node.Node, who entente.Actor, o node.PreviewOptions) error {
	p, err := n.Preview(ctx, who, o)
	if err != nil {
		return err
	}
	var ids []entente.ObjectID
	for _, x := range p.Agreements {
		for _, e := range slices.Concat(x.Entering, x.Leaving) {
			ids = append(ids, e.Object)
		}
	}
	called, err := a.called(ctx, n, who, ids)
	if err != nil {
		return err
	}
	return a.printPreview(p, called)
}

func (a *app) printPreview(p node.Preview, called map[entente.ObjectID]string) error {
	views := []previewView{}
	for _, x := range p.Agreements {
		v := previewView{Agreement: x.Agreement, Partner: x.Partner, Served: x.Served, LeftOut: x.LeftOut, Opens: x.Opens, Why: x.Why, Once: x.Once, Stands: x.Stands, Enters: x.Enters, Leaves: x.Leaves, Cascades: x.Cascades, Again: x.Again,
			Disclosed: x.Disclosed, Shut: x.Shut, Waits: map[string]int64{}, Entering: []previewEntryView{}, Leaving: []previewEntryView{}}
		for r, n := range x.Waits {
			v.Waits[r.String()] = n
		}
		for _, e := range x.Entering {
			v.Entering = append(v.Entering, previewEntryView{Object: e.Object, name: called[e.Object], Collection: p.Names[e.Collection], Served: e.Served})
		}
		for _, e := range x.Leaving {
			why := e.Why
			if e.Contested {
				why = "another submission takes its place"
			}
			v.Leaving = append(v.Leaving, previewEntryView{e.Object, called[e.Object], p.Names[e.Collection], e.Cascade, e.Served, e.Reason.String(), why})
		}
		views = append(views, v)
	}
	out := map[string]any{"agreements": views}
	if p.Token != "" {
		out["token"] = p.Token
	}
	return a.print(out, func(w io.Writer) {
		if len(views) == 0 {
			fmt.Fprintln(w, "No agreement is concerned.")
		}
		for _, v := range views {
			writePreview(w, v)
		}
		if p.Token != "" {
			fmt.Fprintf(w, "token %s\n", p.Token)
		}
	})
}

func writePreview(w io.Writer, v previewView) {
	through := plain(v.Agreement)
	if v.Partner != "" {
		through = plain(v.Partner) + " through " + through
	}
	fmt.Fprintf(w, "%s, where %s now\n", through, plural(int(v.Stands), "entry stands", "entries stand"))
	switch {
	case v.Why != "":
		fmt.Fprintf(w, "  nothing changes for readers: %s\n", plain(v.Why))
		return
	case v.Shut:
		fmt.Fprintf(w, "  readers are shut out; the feeds stay as they are\n  cannot be read any more: %d\n", v.Leaves)
		for _, e := range v.Leaving {
			fmt.Fprintf(w, "    %s from %s%s\n", e.named(), plain(e.Collection), servedNote(e))
		}
		writeDisclosed(w, v)
		return
	case v.Opens && v.Partner != "":
		fmt.Fprintf(w, "  it is let in again\n  reads again: %d; left out by the choice of backlog: %d\n", v.Enters, v.LeftOut)
		for _, e := range v.Entering {
			fmt.Fprintf(w, "    %s from %s%s\n", e.named(), plain(e.Collection), servedNote(e))
		}
		return
	case v.Opens:
		fmt.Fprintln(w, "  readers are let in again, to what stands and what enters")
	}
	if v.Once != "" {
		fmt.Fprintf(w, "  nothing changes before %s; then:\n", plain(v.Once))
	}
	fmt.Fprintf(w, "  enters: %d\n", v.Enters)
	for _, e := range v.Entering {
		fmt.Fprintf(w, "    %s from %s\n", e.named(), plain(e.Collection))
	}
	fmt.Fprintf(w, "  leaves: %d, of which by cascade %d\n", v.Leaves, v.Cascades)
	for _, e := range v.Leaving {
		fmt.Fprintf(w, "    %s: %s%s\n", e.named(), plain(e.Why), servedNote(e))
	}
	writeDisclosed(w, v)
	for _, r := range slices.Sorted(maps.Keys(v.Waits)) {
		fmt.Fprintf(w, "  waits for %s: %d\n", r, v.Waits[r])
	}
}

// named is the object, with what people call it.
func (e previewEntryView) named() string {
	if e.name == "" {
		return string(e.Object)
	}
	return fmt.Sprintf("%s (%s)", e.Object, e.name)
}

// servedNote tells behind an entry that somebody was sent it.
func servedNote(e previewEntryView) string {
	if e.Served {
		return " (served)"
	}
	return ""
}

func writeDisclosed(w io.Writer, v previewView) {
	fmt.Fprintf(w, "  stays disclosed for good: %d, of which %d served\n", v.Disclosed, v.Served)
}
