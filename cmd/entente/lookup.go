package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"entente"
	"entente/node"
)

type lookupView struct {
	Value   string        `json:"value"`
	As      []string      `json:"as"` // what the value may be
	Matches []namedObject `json:"matches"`
	More    bool          `json:"more"`
}

type namedObject struct {
	Named string `json:"named"` // the value or range that the object names
	Kind  string `json:"kind"`
	matchView
}

// lookup finds objects by the values that they name, in some collections or in all.
func (a *app) lookup(ctx context.Context, n *node.Node, who entente.Actor, values, in []string, limit int) error {
	found, err := n.LookupValues(ctx, who, values, min(limit, node.MaxLookupMatches))
	if err != nil {
		return err
	}
	views := []lookupView{}
	rows := [][]string{{"VALUE", "NAMED AS", "ID", "NAME", "IN"}}
	for _, l := range found {
		v := lookupView{Value: l.Value, As: []string{}, Matches: []namedObject{}, More: l.More}
		for _, o := range l.As {
			v.As = append(v.As, string(o.Kind))
		}
		for _, m := range l.Matches {
			if len(in) > 0 {
				m.Collections = slices.DeleteFunc(m.Collections, func(p node.Placement) bool { return !slices.Contains(in, p.Collection) })
			}
			if len(m.Collections) == 0 {
				continue
			}
			x := namedObject{Named: m.Named.Value, Kind: string(m.Named.Kind), matchView: viewMatch(m.Match)}
			v.Matches = append(v.Matches, x)
			rows = append(rows, []string{shorten(plain(l.Value), 40), shorten(plain(x.Named), 40), x.ID, shorten(plain(title(x.Object)), 40), placesText(x.Collections)})
		}
		views = append(views, v)
	}
	return a.print(map[string]any{"values": views}, func(w io.Writer) {
		if len(rows) == 1 {
			fmt.Fprintln(w, "Nothing found.")
			return
		}
		table(w, rows)
	})
}

func placesText(ps []placementView) string {
	var in []string
	for _, p := range ps {
		in = append(in, plain(p.Name))
	}
	return strings.Join(in, ", ")
}

func viewMatch(m node.Match) matchView {
	return matchView{ID: string(m.Entry.ID), Version: m.Entry.Stamp, Collections: viewPlacements(m.Collections), Object: m.Entry.Bytes}
}
