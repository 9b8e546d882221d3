package main

import (
	"fmt"
	"io"
	"strings"

	"entente"
	"entente/api"
)

// describeMatters writes what is claimed about an object, side by side: all attributions,
// and else what differs or what somebody has an opinion about.
func describeMatters(w io.Writer, a api.Assessments, called map[entente.ObjectID]string) {
	for _, m := range a.Matters {
		opinions := 0
		for _, c := range m.Claims {
			opinions += len(c.Views)
		}
		if m.Relationship != "attributed-to" && !m.Differ && opinions == 0 {
			continue
		}
		title := "claims about " + m.Subject
		if m.Relationship != "" {
			title = fmt.Sprintf("claims of %q from %s", m.Relationship, m.Subject)
		}
		if m.Differ {
			title += "; they differ"
		}
		fmt.Fprintf(w, "\n%s\n", plain(title))
		rows := [][]string{{"SOURCE", "CLAIM", "CONFIDENCE", "ADMIRALTY", "WORDS", "STATE", "FOR", "AGAINST"}}
		for _, c := range m.Claims {
			what := string(c.Target)
			if m.Relationship == "" {
				what = "version " + c.Version
			} else if name := called[c.Target]; name != "" {
				what += " (" + name + ")"
			}
			sure := "-"
			if c.Confidence != nil {
				sure = fmt.Sprint(*c.Confidence)
			}
			words := c.Words["wep"]
			if words == "" {
				words = c.Words["words"]
			}
			rows = append(rows, []string{plain(c.Source), plain(what), sure, c.Words["admiralty"], words, claimState(c), fmt.Sprint(c.For), fmt.Sprint(c.Against)})
		}
		table(w, rows)
		describeViews(w, m)
	}
	if a.More {
		fmt.Fprintln(w, "There are more claims or opinions than are shown.")
	}
}

// describeViews writes the opinions about a matter, each once.
func describeViews(w io.Writer, m api.Assessment) {
	told := map[string]bool{}
	for _, c := range m.Claims {
		for _, v := range c.Views {
			if key := v.ID + v.Source; !told[key] {
				told[key] = true
				kind, _, _ := strings.Cut(v.ID, "--")
				fmt.Fprintf(w, "%s of %s about %s: %s (%s) %s\n", kind, plain(v.Source), c.ID, v.Opinion, viewState(v), shorten(plain(v.Text), 200))
			}
		}
	}
}

func claimState(c api.Claim) string {
	state := "stands"
	if c.Revoked {
		state = "revoked"
	}
	if c.Newer != "" {
		state += ", newer: " + plain(c.Newer)
	}
	return state
}
