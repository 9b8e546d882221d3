package main

import (
	"context"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

// previewFloor adds a preview of another floor of a collection.
func previewFloor(sub previewing) {
	c := sub("floor COLLECTION LEVEL|none", "Another floor of a collection (collection edit --floor)", cobra.ExactArgs(2),
		func(ctx context.Context, n *node.Node, who entente.Actor, args []string) (node.PreviewOptions, error) {
			level, err := parseFloor("the floor", args[1])
			if err != nil {
				return node.PreviewOptions{}, err
			}
			c, err := n.CollectionToCover(ctx, who, args[0])
			return node.PreviewOptions{Floor: &entente.SetFloor{Collection: c.ID, Floor: level}}, err
		})
	c.Long = `Shows what another floor of a collection, or none, would do in every agreement that covers
it: each judges everything anew by it. An agreement that is suspended does that when it is
restored; while one is being changed, no floor is.`
	c.Example = "  entente preview floor Phishing tlp:green\n  entente preview floor Phishing none"
}

// previewPermission adds a preview of an originator's permission.
func previewPermission(sub previewing) {
	var agreement, originator, until string
	c := sub("permission ID --for AGREEMENT --originator PARTNER", "An originator's permission (permission add)", cobra.ExactArgs(1),
		func(ctx context.Context, n *node.Node, who entente.Actor, args []string) (node.PreviewOptions, error) {
			id, err := entente.ParseObjectID(args[0])
			if err != nil {
				return node.PreviewOptions{}, err
			}
			ends, err := moment("until", until)
			if err != nil {
				return node.PreviewOptions{}, err
			}
			p, err := n.PartnerNamed(ctx, who, originator)
			return node.PreviewOptions{Agreement: agreement, Permit: &entente.RecordConsent{Object: id, Originator: p.ID, Until: ends}}, err
		})
	c.Aliases = []string{"permit"}
	c.Long = `Shows what enters an agreement once the originator of an object permits that it goes on to
that. What waits for the object may enter with it. A permission alone need not be enough:
where other rules keep the object back, nothing enters, and "entente explain" says why.`
	c.Example = `  entente preview permission indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f --for south --originator "North CERT"`
	f := c.Flags()
	f.StringVar(&agreement, "for", "", "the agreement that it may go to (required)")
	f.StringVar(&originator, "originator", "", "the partner that permits it (required)")
	f.StringVar(&until, "until", "", "when it ends, as 2027-01-31; what has entered by then stays")
	c.MarkFlagRequired("for")
	c.MarkFlagRequired("originator")
}

// previewStanding adds previews of a standing release that is proposed, agreed to and ended.
func previewStanding(preview *cobra.Command, into func(*cobra.Command) previewing) {
	parent := &cobra.Command{
		Use:   "standing",
		Short: "A standing release that is proposed, agreed to, or ended",
		Long: `Shows what a standing release would let go of that which waits for approval now, when the
second person agrees to it; a proposal by itself changes nothing. Ending one takes nothing
out of feeds.`,
	}
	preview.AddCommand(parent)
	sub := into(parent)
	var o orderFlags
	add := sub("add AGREEMENT", "One that is proposed, once a second person agrees", cobra.ExactArgs(1),
		func(ctx context.Context, n *node.Node, who entente.Actor, args []string) (node.PreviewOptions, error) {
			c, err := o.get()
			if err != nil {
				return node.PreviewOptions{}, err
			}
			p, err := n.PartnerNamed(ctx, who, o.source)
			c.Source = p.ID
			return node.PreviewOptions{Agreement: args[0], Propose: &c}, err
		})
	o.add(add)
	add.Example = "  entente preview standing add north --source home --type indicator --up-to tlp:amber --until 2027-01-31"
	sub("agree AGREEMENT ID", "The second person's word for one that is proposed", cobra.ExactArgs(2),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			return node.PreviewOptions{Agreement: args[0], Agree: args[1]}, nil
		})
	sub("end AGREEMENT ID", "The end of one", cobra.ExactArgs(2),
		func(_ context.Context, _ *node.Node, _ entente.Actor, args []string) (node.PreviewOptions, error) {
			return node.PreviewOptions{Agreement: args[0], End: args[1]}, nil
		})
}
