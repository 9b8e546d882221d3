package main

import (
	"context"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// previewing makes a subcommand of "entente preview", and previewed says what it previews.
type (
	previewing func(use, short string, args cobra.PositionalArgs, options previewed) *cobra.Command
	previewed  func(context.Context, *node.Node, entente.Actor, []string) (node.PreviewOptions, error)
)

// previewDecisions adds a preview of each decision about an object in an agreement.
func previewDecisions(sub previewing) {
	for _, d := range []deciding{{action: entente.Approve}, {action: entente.Refuse}, {action: entente.Keep}, {action: entente.Withdraw, whole: true},
		{action: entente.Urgent}, {action: entente.Tearline}} {
		var agreement, version, digest string
		var whole bool
		c := sub(d.action.String()+" ID", "The decision \""+d.action.String()+"\" of one person", cobra.ExactArgs(1),
			func(ctx context.Context, n *node.Node, who entente.Actor, args []string) (node.PreviewOptions, error) {
				id, err := entente.ParseObjectID(args[0])
				if err != nil {
					return node.PreviewOptions{}, err
				}
				k, err := n.Concerns(ctx, who, agreement, id)
				if err != nil {
					return node.PreviewOptions{}, err
				}
				c := entente.TakeDecision{Object: id, Action: d.action}
				v, err := chooseVersion(k, d, version, digest, whole)
				if v != nil {
					c.Digest = v.Digest
				}
				return node.PreviewOptions{Agreement: agreement, Decide: &c}, err
			})
		c.Flags().StringVar(&agreement, "for", "", "the agreement (required)")
		c.Flags().StringVar(&version, "version", "", "the version that is meant, where several fit")
		c.Flags().StringVar(&digest, "digest", "", "the version that is meant, by its SHA-256")
		if d.whole {
			c.Flags().BoolVar(&whole, "whole", false, "the object as a whole, whatever version comes")
		}
		c.MarkFlagRequired("for")
	}
}

// previewDissent adds previews of dissent that is written, and struck.
func previewDissent(sub previewing) {
	var w writing
	add := sub("dissent ID --disagree|--strongly-disagree|--note", "Dissent from an object", cobra.ExactArgs(1),
		func(ctx context.Context, n *node.Node, who entente.Actor, args []string) (node.PreviewOptions, error) {
			if w.text == "" {
				w.text = "-"
			}
			d, err := w.draft(ctx, n, who, args[0])
			return node.PreviewOptions{Dissent: &d}, err
		})
	w.flags(add)
	add.Flags().Lookup("text").Usage = "why; it changes nothing of the preview"
	sub("strike ID", "The end of dissent of home's own", cobra.ExactArgs(1),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			id, err := entente.ParseObjectID(args[0])
			return node.PreviewOptions{Strike: id}, err
		})
}
