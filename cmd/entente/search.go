package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) searchCmd() *cobra.Command {
	var collections []string
	var limit int
	var asItIs, value bool
	cmd := &cobra.Command{
		Use:   "search TEXT…",
		Short: "Find objects by their words or by the values they name, newest first",
		Long: `Finds the latest versions of objects that hold all the words, in any case. Quotes
keep words together ("\"brute force\""), and a star ends the beginning of a
word (ransom*). Addresses, domains, hashes and CVE numbers are found as written.

With --value each argument is a value (an address, a range, a domain, a URL, an
e-mail address, a hash, a file name…), and what is found are the indicators,
observables and observed data that name it, ranges around an address included.

Search follows the collections with a delay of about a second. This command
waits until it has caught up, unless --as-it-is.`,
		Example: `  entente search 198.51.100.7
  entente search phish* bank --collection Phishing
  entente search --value 198.51.100.7 mail.example.com`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > 10000 {
				return usagef("--limit is 1 to 10000, not %d", limit)
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				var in []string
				for _, name := range collections {
					c, err := n.CollectionNamed(ctx, who, name)
					if err != nil {
						return err
					}
					in = append(in, c.ID)
				}
				if !asItIs {
					if err := a.catchUp(ctx, n); err != nil {
						return err
					}
				}
				if value {
					return a.lookup(ctx, n, who, args, in, limit)
				}
				text := strings.Join(args, " ")
				found, err := n.Search(ctx, who, text, in, limit+1)
				if err != nil {
					return err
				}
				more := len(found) > limit
				if more {
					found = found[:limit]
				}
				return a.printMatches(text, found, more)
			})
		},
	}
	cmd.Flags().StringSliceVarP(&collections, "collection", "c", nil, "only in these collections")
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "at most so many objects")
	cmd.Flags().BoolVar(&value, "value", false, "look values up instead of words")
	cmd.Flags().BoolVar(&asItIs, "as-it-is", false, "do not wait for search to catch up")
	return cmd
}

// catchUp waits for full-text search, with a bar when it takes long.
func (a *app) catchUp(ctx context.Context, n *node.Node) error {
	left, err := n.SearchLag(ctx)
	if err != nil || left == 0 {
		return err
	}
	bar := a.counting(left, "indexing", "entries")
	defer bar.Finish()
	return n.CatchUp(ctx, func(now int64) { bar.Set64(left - min(now, left)) })
}

type matchView struct {
	ID          string          `json:"id"`
	Version     string          `json:"version"`
	Collections []placementView `json:"collections"`
	Object      json.RawMessage `json:"object"`
}

func (a *app) printMatches(text string, found []node.Match, more bool) error {
	views := []matchView{}
	rows := [][]string{{"ID", "NAME", "VERSION", "IN"}}
	for _, m := range found {
		v := viewMatch(m)
		views = append(views, v)
		rows = append(rows, []string{v.ID, shorten(plain(title(v.Object)), 50), plain(v.Version), placesText(v.Collections)})
	}
	return a.print(map[string]any{"query": text, "matches": views, "more": more}, func(w io.Writer) {
		if len(views) == 0 {
			fmt.Fprintln(w, "Nothing found.")
			return
		}
		table(w, rows)
		if more {
			fmt.Fprintln(w, "There is more; --limit shows it.")
		}
	})
}

// title is what names an object for people: the first of these properties that it has.
func title(object []byte) string {
	var o map[string]any
	if json.Unmarshal(object, &o) != nil {
		return ""
	}
	for _, p := range []string{"name", "value", "pattern", "opinion", "abstract", "relationship_type", "description", "content", "path", "key"} {
		if s, ok := o[p].(string); ok && s != "" {
			return s
		}
	}
	return ""
}
