package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

type erasureView struct {
	ID            string           `json:"id"`
	Object        entente.ObjectID `json:"object,omitempty"`
	Event         string           `json:"event,omitempty"` // of the ledger, where it is about one
	Versions      []erasedVersion  `json:"versions"`
	All           bool             `json:"all"`
	Basis         string           `json:"basis"`
	Case          string           `json:"case"`
	Reason        string           `json:"reason"`
	By            string           `json:"by"`
	At            string           `json:"at"`
	ConfirmedBy   string           `json:"confirmed_by,omitempty"`
	ConfirmReason string           `json:"confirm_reason,omitempty"`
	Confirmed     string           `json:"confirmed,omitempty"`
	Removed       string           `json:"removed,omitempty"` // when the bytes went
	State         string           `json:"state"`             // proposed, confirmed, removed, erased
}

type erasedVersion struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

func viewErasure(e entente.Erasure, names map[string]string) erasureView {
	v := erasureView{ID: e.ID, Object: e.Object, Event: e.Event, Versions: []erasedVersion{}, All: e.All, Basis: e.Basis, Case: e.Case, Reason: e.Reason,
		By: names[e.By], At: when(e.At), ConfirmedBy: names[e.ConfirmedBy], ConfirmReason: e.ConfirmReason, Confirmed: when(e.Confirmed),
		Removed: when(e.Removed), State: e.State()}
	for _, x := range e.Versions {
		v.Versions = append(v.Versions, erasedVersion{x.Stamp, x.Digest.String()})
	}
	return v
}

// what names what it is about.
func (v erasureView) what() string {
	if v.Event != "" {
		return "event " + v.Event
	}
	return string(v.Object)
}

// line tells of a confirmed erasure in one line.
func (v erasureView) line() string {
	text := fmt.Sprintf("at %s, basis: %s (case %s), by %s and %s", v.Removed, plain(v.Basis), plain(v.Case), plain(v.By), plain(v.ConfirmedBy))
	if v.Removed == "" {
		text = fmt.Sprintf("confirmed at %s, its bytes are to be removed; basis: %s (case %s), by %s and %s", v.Confirmed, plain(v.Basis), plain(v.Case), plain(v.By), plain(v.ConfirmedBy))
	}
	return text
}

// backupsHold is what an erasure does not reach.
const backupsHold = `Not reached by this: backups made before, what partners have received, copies of the
database (archived journals, replicas, snapshots). "Erasing" in docs/operate.md says
what to do about each.`

func (a *app) eraseCmd() *cobra.Command {
	var basis, reason string
	var versions, digests []string
	var all bool
	cmd := &cobra.Command{
		Use:   "erase ID --version VERSION|--all --basis TEXT --case REF --reason TEXT",
		Short: "Remove the bytes of versions under a legal basis, by two people",
		Long: `Proposes that the bytes of versions of an object are removed; nothing changes until a
second person confirms it ("entente erase confirm"). Then the versions leave every
collection and every feed, with what refers to them in the feeds, and their bytes go
out of the contents, the stamped copies, full text and the index of values.

That there were such versions, with their digests, and who erased them on which basis
stays. The same bytes are not taken in again, from nobody. What is preserved
("entente preserve") is not erased.

` + backupsHold,
		Example: `  entente --as ann --case 2027-015 erase indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --all --basis "Data Protection Act, section 47" --reason "names a person"
  entente --as ann --case 2027-015 erase event 0d3b6a54-6f1e-4c57-9d3b-d1c0a0010001 --basis "Data Protection Act, section 47" --reason "names a person"
  entente erase list
  entente --as bob erase confirm 7f0c3a52-6f1e-4c57-9d3b-6a54d1c0a001`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			if a.caseRef == "" {
				return usagef("--case names the case under which this is filed; an erasure needs one")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				c := entente.ProposeErasure{Object: id, All: all, Basis: basis, Case: a.caseRef, Reason: reason}
				if !all {
					held, err := n.HeldVersions(ctx, who, id)
					if err != nil {
						return err
					}
					if c.Digests, err = chosenVersions(id, held, versions, digests); err != nil {
						return err
					}
				}
				r, err := n.Do(ctx, who, c)
				if err != nil {
					return err
				}
				return a.printErasure(ctx, n, who, r.ID, func(w io.Writer) {
					fmt.Fprintf(w, "Proposed; a second person confirms: entente --as NAME erase confirm %s\n", r.ID)
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&versions, "version", nil, "a version that is meant, as \"entente show --versions\" names it; may be repeated")
	f.StringArrayVar(&digests, "digest", nil, "a version that is meant, by its SHA-256; may be repeated")
	f.BoolVar(&all, "all", false, "all versions that are held now")
	f.StringVar(&basis, "basis", "", "the legal basis (required)")
	f.StringVar(&reason, "reason", "", "why, in words that a second person can check (required)")
	cmd.MarkFlagRequired("basis")
	cmd.MarkFlagRequired("reason")
	cmd.MarkFlagsOneRequired("version", "digest", "all")
	cmd.MarkFlagsMutuallyExclusive("version", "all")
	cmd.MarkFlagsMutuallyExclusive("digest", "all")
	cmd.AddCommand(a.eraseEvent(), a.eraseConfirm(), a.eraseList())
	return cmd
}

// chosenVersions finds the versions that are named, by the way in which TAXII names them or by
// digest. Several contents of one version are all meant by its name.
func chosenVersions(id entente.ObjectID, held []entente.ErasedVersion, versions, digests []string) ([]entente.Digest, error) {
	var out []entente.Digest
	add := func(name string, fits func(entente.ErasedVersion) bool) error {
		before := len(out)
		for _, h := range held {
			if fits(h) && !slices.Contains(out, h.Digest) {
				out = append(out, h.Digest)
			}
		}
		if len(out) == before && !slices.ContainsFunc(held, fits) {
			return entente.Errorf(entente.NotFound, "the node holds no version %q of %s that was not erased; \"entente show %s --versions\" shows what it holds", name, id, id)
		}
		return nil
	}
	for _, v := range versions {
		if err := add(v, func(h entente.ErasedVersion) bool { return h.Stamp == v }); err != nil {
			return nil, err
		}
	}
	for _, d := range digests {
		if err := add(d, func(h entente.ErasedVersion) bool {
			return strings.EqualFold(strings.TrimPrefix(d, "sha256:"), h.Digest.String())
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *app) eraseConfirm() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "confirm ID",
		Short: "Confirm an erasure, as a second person: it is done at once, and for good",
		Long: `Confirms what somebody else proposed. The versions are out of every collection and
feed when the command ends, and no reader gets them from then on. Their bytes are
removed then too, unless somebody reads or changes something at that moment; what is
left over servers do within a minute.

` + backupsHold,
		Example: "  entente --as bob erase confirm 7f0c3a52-6f1e-4c57-9d3b-6a54d1c0a001",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				e, err := n.ConfirmErasure(ctx, who, entente.ConfirmErasure{Why: entente.Why{Reason: reason}, Erasure: args[0]})
				if err != nil {
					return err
				}
				return a.printErasure(ctx, n, who, e.ID, func(w io.Writer) {
					switch {
					case e.Event != "":
						fmt.Fprintln(w, "Erased: the event's bytes and salt are gone from all logs; their entries stay, so every proof holds.")
					case e.Cleared != 0:
						fmt.Fprintln(w, "Erased: out of every collection and feed, and the bytes are gone.")
					case e.Removed != 0:
						fmt.Fprintln(w, "Erased: out of every collection and feed, and out of the contents; the indexes and the engine's journal follow.")
					default:
						fmt.Fprintln(w, "Out of every collection and feed; the bytes are removed as soon as nothing that is under way needs them.")
					}
					fmt.Fprintln(w, backupsHold)
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words that others can check later")
	return cmd
}

func (a *app) printErasure(ctx context.Context, n *node.Node, who entente.Actor, id string, tail func(io.Writer)) error {
	all, names, err := n.Erasures(ctx, who)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(e entente.Erasure) bool { return e.ID == id })
	v := viewErasure(all[i], names)
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n", v.what())
		for _, x := range v.Versions {
			fmt.Fprintf(w, "version  %s  sha256:%s\n", plain(x.Version), x.Digest)
		}
		fmt.Fprintf(w, "basis    %s\ncase     %s\nreason   %s\n", plain(v.Basis), plain(v.Case), plain(v.Reason))
		tail(w)
	})
}

func (a *app) eraseList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List erasures, what is proposed and what was done",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				all, names, err := n.Erasures(ctx, who)
				if err != nil {
					return err
				}
				views := []erasureView{}
				rows := [][]string{{"STATE", "OBJECT", "VERSIONS", "CASE", "BASIS", "BY", "CONFIRMED BY", "ID"}}
				for _, e := range all {
					v := viewErasure(e, names)
					views = append(views, v)
					rows = append(rows, []string{v.State, v.what(), fmt.Sprint(len(v.Versions)), plain(v.Case), shorten(plain(v.Basis), 60), plain(v.By), plain(v.ConfirmedBy), v.ID})
				}
				return a.print(map[string]any{"erasures": views}, func(w io.Writer) {
					if len(views) == 0 {
						fmt.Fprintln(w, "Nothing was erased, and nothing is proposed.")
						return
					}
					table(w, rows)
				})
			})
		},
	}
}
