package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/api"
	"entente/node"
)

// versionView is one content of an object as the command line shows it.
type versionView struct {
	Version     string          `json:"version"`
	Spec        string          `json:"spec_version"`
	Digest      string          `json:"digest"`
	Collections []placementView `json:"collections"`
	Contested   bool            `json:"contested"`
	Current     bool            `json:"current"`
	Latest      bool            `json:"latest"`
	Revokes     bool            `json:"revokes"`
	Breaches    []breach        `json:"breaches,omitempty"`
	Marking     markingView     `json:"marking"`
	Erased      *erasureView    `json:"erased,omitempty"`
	Preserved   []string        `json:"preserved_under,omitempty"` // kept for these cases alone
	Facts       bool            `json:"facts_only,omitempty"`      // a reviewer is not shown the content
	Object      json.RawMessage `json:"object"`                    // null where it was erased, or is not shown
}

// markingView is the effective marking; tlp and pap are "" where there is no level.
type markingView struct {
	TLP     entente.TLP        `json:"tlp"`
	PAP     entente.PAP        `json:"pap"`
	Unknown []entente.ObjectID `json:"unknown,omitempty"`
	text    string
}

type placementView struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Added   string `json:"added"`
	Deleted bool   `json:"deleted,omitempty"`
}

func viewPlacements(ps []node.Placement) []placementView {
	out := []placementView{}
	for _, p := range ps {
		out = append(out, placementView{ID: p.Collection, Name: p.Name, Added: entente.FormatMicros(p.Added), Deleted: p.Deleted})
	}
	return out
}

func viewVersion(v node.ObjectVersion, names map[string]string) versionView {
	var breaches []breach
	for _, b := range v.Breaches {
		breaches = append(breaches, viewBreach(b))
	}
	view := versionView{Preserved: v.Preserved, Facts: v.Facts, Revokes: v.Revokes, Breaches: breaches, Version: v.Version, Spec: v.Spec.String(), Digest: v.Digest.String(), Collections: viewPlacements(v.Collections),
		Contested: v.Contested, Current: v.Current, Latest: v.Latest,
		Marking: markingView{v.Marking.TLP, v.Marking.PAP, v.Marking.Unknown, v.Marking.String()}, Object: json.RawMessage(v.Bytes)}
	if len(v.Bytes) == 0 {
		view.Object = json.RawMessage("null")
	}
	if v.Erasure != nil {
		e := viewErasure(*v.Erasure, names)
		view.Erased = &e
	}
	return view
}

func (a *app) showCmd() *cobra.Command {
	var versions bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show an object, or with --versions all that is held of it",
		Long: `Shows the latest version of an object, as it is served. With --versions it shows
every version that is held, oldest first, where each stands, and for contested
versions (one id and version, different contents) all contents: the current one
is what clients get. It tells too whether its creator revoked the object, which
versions break the rules of versioning beside the earlier ones, and how each is
marked: by all of TLP and PAP that is on it or on a part of it, the strictest.

What is claimed about the object stands side by side: its versions by source, its
attributions and other relationships that differ, each with its source and
confidence (in the scales of STIX 2.1 Appendix A) and with the opinions for and
against it. Dissent that was struck is shown as struck.`,
		Example: "  entente show indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --versions",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, err := n.Object(ctx, who, id)
				if err != nil {
					return err
				}
				names, err := n.ErasedByNames(ctx, all)
				if err != nil {
					return err
				}
				if versions {
					return a.showVersions(id, all, names)
				}
				if err := a.catchUp(ctx, n); err != nil {
					return err
				}
				claims, err := n.Assessments(ctx, who, id)
				if err != nil && entente.KindOf(err) != entente.NotFound { // all of it was deleted
					return err
				}
				view := api.ViewAssessments(claims)
				var targets []entente.ObjectID
				for _, m := range view.Matters {
					for _, c := range m.Claims {
						targets = append(targets, c.Target)
					}
				}
				called, err := a.called(ctx, n, who, targets)
				if err != nil {
					return err
				}
				return a.showLatest(id, all, names, view, called)
			})
		},
	}
	cmd.Flags().BoolVar(&versions, "versions", false, "show all versions and all contents of each")
	return cmd
}

func (a *app) showLatest(id entente.ObjectID, all []node.ObjectVersion, names map[string]string, claims api.Assessments, called map[entente.ObjectID]string) error {
	best := -1
	for i, v := range all {
		if v.Latest {
			best = i
		}
	}
	if best < 0 && !slices.ContainsFunc(all, func(v node.ObjectVersion) bool { return v.Erasure == nil }) {
		return entente.Errorf(entente.NotFound, "%s was erased; \"entente show %s --versions\" shows when, on which basis and by whom", id, id)
	}
	if best < 0 {
		return entente.Errorf(entente.NotFound, "%s was deleted; \"entente show %s --versions\" shows what is still held", id, id)
	}
	view := viewVersion(all[best], names)
	out := struct {
		ID      string `json:"id"`
		Revoked bool   `json:"revoked"`
		versionView
		Matters []api.Assessment `json:"assessments"`
	}{string(id), revoked(all), view, claims.Matters}
	return a.print(out, func(w io.Writer) {
		describeRevoked(w, all)
		describeVersion(w, view)
		if len(all) > 1 {
			fmt.Fprintf(w, "%s held in all; --versions shows them.\n", plural(len(all), "content is", "contents are"))
		}
		describeMatters(w, claims, called)
		if string(view.Object) != "null" {
			fmt.Fprintln(w)
			writeIndented(w, view.Object)
		}
	})
}

func (a *app) showVersions(id entente.ObjectID, all []node.ObjectVersion, names map[string]string) error {
	views := make([]versionView, len(all))
	for i, v := range all {
		views[i] = viewVersion(v, names)
	}
	return a.print(map[string]any{"id": string(id), "revoked": revoked(all), "versions": views}, func(w io.Writer) {
		describeRevoked(w, all)
		for i, v := range views {
			if i > 0 {
				fmt.Fprintln(w)
			}
			describeVersion(w, v)
			if string(v.Object) != "null" {
				writeIndented(w, v.Object)
			}
		}
	})
}

// revoked tells that an object's creator revoked it, in any collection that is shown.
func revoked(all []node.ObjectVersion) bool {
	return slices.ContainsFunc(all, func(v node.ObjectVersion) bool { return v.Revokes })
}

func describeRevoked(w io.Writer, all []node.ObjectVersion) {
	for _, v := range all {
		if v.Revokes {
			fmt.Fprintf(w, "revoked  by version %s, with all its versions\n", plain(v.Version))
		}
	}
}

func describeVersion(w io.Writer, v versionView) {
	var state []string
	if v.Latest {
		state = append(state, "latest")
	}
	switch {
	case v.Contested && v.Current:
		state = append(state, "contested: these contents are served")
	case v.Contested:
		state = append(state, "contested: these contents are kept, not served")
	case !v.Current:
		state = append(state, "not served")
	}
	fmt.Fprintf(w, "version  %s  STIX %s  %s\ndigest   sha256:%s\n", plain(v.Version), v.Spec, strings.Join(state, ", "), v.Digest)
	for _, p := range v.Collections {
		deleted := ""
		if p.Deleted {
			deleted = ", deleted"
		}
		fmt.Fprintf(w, "in       %s, added %s%s\n", plain(p.Name), p.Added, deleted)
	}
	for _, c := range v.Preserved {
		fmt.Fprintf(w, "kept     under the case %s; no collection has it any more\n", plain(c))
	}
	if v.Erased != nil {
		fmt.Fprintf(w, "erased   %s\n", v.Erased.line())
	}
	if v.Facts {
		fmt.Fprintln(w, "content  not shown: it is a partner's under AMBER+STRICT, and no terms let the reviewer read it")
	}
	if string(v.Object) == "null" && !v.Facts {
		return
	}
	why := ""
	if len(v.Marking.Unknown) > 0 {
		why = ": no rule is known for this, so it is released to nobody"
	}
	fmt.Fprintf(w, "marking  %s%s\n", plain(v.Marking.text), why)
	for _, b := range v.Breaches {
		fmt.Fprintf(w, "warning  %s\n", plain(b.String()))
	}
}

// writeIndented writes JSON for reading; what could turn a terminal's mind is escaped.
func writeIndented(w io.Writer, raw []byte) {
	var buf bytes.Buffer
	if json.Indent(&buf, raw, "", "  ") != nil {
		buf.Reset()
		buf.Write(raw)
	}
	for _, line := range strings.Split(buf.String(), "\n") {
		fmt.Fprintln(w, plain(line))
	}
}
