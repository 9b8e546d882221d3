package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/stix"
)

func (a *app) tearlineCmd() *cobra.Command {
	var agreement, marking, submit, reason string
	var drop []string
	o := node.TearlineOptions{}
	cmd := &cobra.Command{
		Use:   "tearline ID --for AGREEMENT --name TITLE",
		Short: "Draft a report of your own over what may be released of an object",
		Long: `A version is released whole or not at all. To share less, home writes an object of its
own: a STIX report over those objects, of what ID refers to and is related to, that
stand in the agreement's feed. Its words are yours: nothing of ID is copied.

Without --submit the draft is printed, to be worked on. With --submit COLLECTION it is
put into that collection, and goes out by the rule as everything does. Where older
versions of ID stand in the feed beside a stricter one, the report takes their place:
they are withdrawn, as the decision "tearline" with the reason given.`,
		Example: `  entente --as ann tearline report--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for north --name "Phishing wave" > draft.json
  entente --as ann tearline report--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for north --name "Phishing wave" --submit Shared --reason "sources protected"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return err
			}
			if o.Marking, err = level("marking", marking); err != nil {
				return err
			}
			if o.Drop, err = objectIDs(drop); err != nil {
				return err
			}
			if submit != "" && reason == "" {
				return usagef("--submit decides, and a decision has a --reason")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				d, err := n.Tearline(ctx, who, agreement, id, o)
				if err != nil {
					return err
				}
				if submit == "" {
					if a.json {
						return a.print(json.RawMessage(d.Report), nil)
					}
					writeIndented(a.out, d.Report)
					return nil
				}
				return a.submitTearline(ctx, n, who, agreement, id, submit, reason, d)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&agreement, "for", "", "the agreement (required)")
	f.StringVar(&o.Name, "name", "", "the report's name (required)")
	f.StringVar(&o.Description, "description", "", "what it says, in your words")
	f.StringVar(&marking, "marking", "", "its marking; without it, the highest that the terms release")
	f.StringSliceVar(&drop, "drop-refs", nil, "ids that the report is not to refer to")
	f.StringVar(&submit, "submit", "", "put it into this collection")
	f.StringVar(&reason, "reason", "", "the justification, with --submit")
	cmd.MarkFlagRequired("for")
	cmd.MarkFlagRequired("name")
	return cmd
}

func objectIDs(all []string) ([]entente.ObjectID, error) {
	var out []entente.ObjectID
	for _, s := range all {
		id, err := entente.ParseObjectID(s)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

func (a *app) submitTearline(ctx context.Context, n *node.Node, who entente.Actor, agreement string, id entente.ObjectID, collection, reason string, d node.TearlineDraft) error {
	in, err := n.CollectionNamed(ctx, who, collection)
	if err != nil {
		return err
	}
	k, err := n.Concerns(ctx, who, agreement, id)
	if err != nil {
		return err
	}
	var refused error
	var made entente.ObjectID
	if _, err := n.Intake(ctx, who, in.ID, stix.NewReader(bytes.NewReader(d.Report)), node.IntakeOptions{Each: func(r node.ItemResult) {
		if made = entente.ObjectID(r.ID); r.Err != nil {
			refused = r.Err
		}
	}}); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	decision := ""
	if d.Stricter != (entente.Digest{}) {
		r, err := n.Do(ctx, who, entente.TakeDecision{Agreement: k.Concerns[0].ID, Object: id, Digest: d.Stricter, Action: entente.Tearline, Text: reason})
		if err != nil {
			return err
		}
		decision = r.ID
	}
	if err := n.Settle(ctx, agreement, nil); err != nil {
		return err
	}
	v := map[string]any{"report": made, "object": id, "agreement": k.Concerns[0].Name, "refs": d.Refs}
	if decision != "" {
		v["decision"] = decision
	}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "Submitted %s, over %s.\n", made, plural(len(d.Refs), "object", "objects"))
		if decision != "" {
			fmt.Fprintf(w, "The older versions of %s are withdrawn from %s.\n", id, plain(k.Concerns[0].Name))
		}
	})
}
