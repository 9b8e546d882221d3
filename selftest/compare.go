package selftest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

func micros(at int64) string { return time.UnixMicro(at).UTC().Format("2006-01-02T15:04:05.000000Z") }

// entry is an object as the partner gets it.
type entry struct {
	ID          string   `json:"id"`
	Type        string   `json:"type"`
	Modified    string   `json:"modified"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Markings    []string `json:"object_marking_refs"`
	Parts       []struct {
		Marking string `json:"marking_ref"`
	} `json:"granular_markings"`
	Explanation string   `json:"explanation"`
	Creator     string   `json:"created_by_ref"`
	Source      string   `json:"source_ref"`
	Target      string   `json:"target_ref"`
	Objects     []string `json:"object_refs"`
}

func (e entry) refs() []string {
	out := append([]string{}, e.Objects...)
	for _, id := range []string{e.Creator, e.Source, e.Target} {
		if id != "" && id != e.ID {
			out = append(out, id)
		}
	}
	return out
}

// compare holds what the partner's feed has against the reference.
func (t *trial) compare() (*Difference, error) {
	all, err := t.everything()
	if err != nil {
		return nil, err
	}
	var got []string
	for _, e := range all {
		text := e.Name
		switch e.Type {
		case "relationship":
			text = e.Description
		case "opinion":
			text = e.Explanation
		}
		got = append(got, fmt.Sprintf("%s %s variant %s by %s %s part %s", e.ID, e.Modified, text[len(text)-1:], e.Creator,
			levelNames[strictest(e.Markings)], levelNames[strictest(e.parts())]))
		if !t.fits(e) {
			return t.difference("all of the feed", "markings within the terms", fmt.Sprintf("%+v", e)), nil
		}
	}
	slices.Sort(got)
	if want := t.ref.live(); !slices.Equal(got, want) {
		return t.difference("all of the feed", "by the reference:\n"+strings.Join(want, "\n"), "by the node:\n"+strings.Join(got, "\n")), nil
	}
	if loose := t.loose(all); loose != "" {
		return t.difference("all of the feed, in its order", "each reference leads to what came before, or to what refers back", loose), nil
	}
	return nil, nil
}

// fits tells whether an object carries markings that the terms release, and one for the whole.
func (t *trial) fits(e entry) bool {
	whole := strictest(e.Markings)
	return whole > 0 && max(whole, strictest(e.parts())) <= t.ref.terms.highest
}

func (e entry) parts() (ids []string) {
	for _, p := range e.Parts {
		ids = append(ids, p.Marking)
	}
	return ids
}

// strictest is the strictest level that marking definitions stand for, 0 for none.
func strictest(ids []string) (out level) {
	for _, id := range ids {
		for l := level(1); l <= 5; l++ {
			if strings.HasSuffix(id, levelIDs[l]) || levelIDs1[l] != "" && strings.HasSuffix(id, levelIDs1[l]) {
				out = max(out, l)
			}
		}
	}
	return out
}

// everything reads all versions of the partner's feed, page by page.
func (t *trial) everything() ([]entry, error) {
	var out []entry
	next := ""
	for {
		path := t.objects(partner) + "?match[version]=all&limit=3"
		if next != "" {
			path += "&next=" + url.QueryEscape(next)
		}
		a, err := t.ask(t.ctx, t.sides[1], request{method: "GET", path: path, token: t.token[partner], header: accepts})
		if err != nil {
			return nil, err
		}
		var page struct {
			Objects []entry `json:"objects"`
			Next    string  `json:"next"`
		}
		if err := json.Unmarshal(a.body, &page); err != nil || a.status != 200 {
			return nil, fmt.Errorf("trial %d: the feed cannot be read: %s", t.number, a)
		}
		out = append(out, page.Objects...)
		if next = page.Next; next == "" {
			return out, nil
		}
	}
}

// loose finds a reference that leads to nothing before it, unless both lead to each other, or
// did by a version that has left: what entered as a circle keeps its order.
func (t *trial) loose(all []entry) string {
	if t.ref.terms.open {
		return ""
	}
	refs, there := map[string][]string{}, map[string]bool{}
	for _, e := range all {
		refs[e.ID], there[e.ID] = append(refs[e.ID], e.refs()...), true
	}
	for _, h := range t.ref.all {
		for _, to := range h.needs() {
			if t.ref.was[h.by.String()+h.text()] {
				refs[h.of.id] = append(refs[h.of.id], to.id)
			}
		}
	}
	seen := map[string]bool{}
	for _, e := range all {
		seen[e.ID] = true
		for _, to := range e.refs() {
			if !seen[to] && (!there[to] || !leads(refs, to, e.ID)) {
				return e.ID + " refers to " + to
			}
		}
	}
	return ""
}

// leads tells whether references lead from one object to another.
func leads(refs map[string][]string, from, to string) bool {
	seen := map[string]bool{from: true}
	for at := []string{from}; len(at) > 0; {
		id := at[0]
		at = at[1:]
		for _, next := range refs[id] {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				at = append(at, next)
			}
		}
	}
	return false
}
