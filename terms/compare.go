package terms

import (
	"slices"

	"entente"
)

// Difference is one key, or one member, in which terms differ.
type Difference struct {
	Key      string // as the file writes it
	Old, New string // the values as the file writes them, or in words what holds without the key
	// Tightens tells that the change can keep back what was released, and Widens that it can
	// release what was kept back. Where it is not certain that it cannot, both are true.
	// Neither is true of what no rule of the release looks at.
	Tightens, Widens bool
}

// Compare tells in what terms differ, key by key, in the order of the file, then member by
// member. title is as for [Format]. It judges each key by itself: of two changes, one of which
// widens, it does not know that the other takes all of it back.
func Compare(old, new entente.Terms, title func(id string) string) []Difference {
	var all []Difference
	for _, k := range keys {
		a, b := canonicalOrder(old), canonicalOrder(new)
		d := Difference{Key: k.name, Old: k.get(&a, title), New: k.get(&b, title)}
		// Two ids may have one name, so it is not the texts that are compared.
		if k.get(&a, nil) == k.get(&b, nil) {
			continue
		}
		if d.Old == "" {
			d.Old = k.def
		}
		if d.New == "" {
			d.New = k.def
		}
		d.Tightens, d.Widens = k.moves(&old, &new)
		all = append(all, d)
	}
	return append(all, compareMembers(old, new, title)...)
}

// Direction sums differences up: whether together they can tighten, and whether they can
// widen. Both false is a change that no rule of the release looks at.
func Direction(all []Difference) (tightens, widens bool) {
	for _, d := range all {
		tightens, widens = tightens || d.Tightens, widens || d.Widens
	}
	return tightens, widens
}

func canonicalOrder(t entente.Terms) entente.Terms {
	for _, list := range []*[]string{&t.Collections, &t.Vocabularies, &t.Types, &t.ExceptTypes, &t.Labels, &t.ExceptLabels} {
		*list = sorted(*list)
	}
	return t
}

func compareMembers(old, new entente.Terms, title func(id string) string) []Difference {
	var ids []string
	for _, m := range slices.Concat(old.Members, new.Members) {
		ids = append(ids, m.Organisation)
	}
	slices.Sort(ids)
	var all []Difference
	for _, id := range slices.Compact(ids) {
		a, was := old.Member(id)
		b, is := new.Member(id)
		if was && is && a == b {
			continue
		}
		d := Difference{Key: "member", Old: memberWords(a, was, title), New: memberWords(b, is, title)}
		d.Tightens, d.Widens = moveMember(a, was, b, is)
		all = append(all, d)
	}
	return all
}

func memberWords(m entente.Member, there bool, title func(id string) string) string {
	if !there {
		return "no member"
	}
	s := named(m.Organisation, title)
	if m.Flow != 0 {
		s += ", " + flowWord(m.Flow)
	}
	if m.Client {
		s += ", client"
	}
	return s
}

// moveMember judges a change of one member. One that comes to read widens, as it is sent
// what it was not; and what comes from other agreements is sent only as far as the least
// permitted who reads may have it, so the others may be sent less. One that leaves or no
// longer reads does both the other way round.
func moveMember(a entente.Member, was bool, b entente.Member, is bool) (tightens, widens bool) {
	reads := func(m entente.Member, there bool) bool { return there && m.Flow != 0 && m.Receives() }
	posts := func(m entente.Member, there bool) bool { return there && m.Flow != 0 && m.Contributes() }
	if reads(a, was) != reads(b, is) {
		return true, true
	}
	tightens = posts(a, was) && !posts(b, is)
	widens = !posts(a, was) && posts(b, is)
	if reads(a, was) && a.Client != b.Client {
		tightens, widens = tightens || a.Client, widens || b.Client
	}
	return tightens, widens
}

func never(_, _ *entente.Terms) (tightens, widens bool) { return false, false }

// collections judges a change of what is covered. A newer version in one collection keeps
// back an older one of the same source in another, if it is stricter than the terms. So one
// more can tighten, and one less can widen, unless it is the first or the last.
func collections(old, new *entente.Terms) (tightens, widens bool) {
	changed := gone(old.Collections, new.Collections) || gone(new.Collections, old.Collections)
	return changed && len(old.Collections) > 0, changed && len(new.Collections) > 0
}

// gone tells whether something of a list is not in another.
func gone(from, in []string) bool {
	return slices.ContainsFunc(from, func(s string) bool { return !slices.Contains(in, s) })
}

// chosen judges a change of a list whose absence means all.
func chosen(old, new []string) (tightens, widens bool) {
	switch {
	case len(old) == 0:
		return len(new) > 0, false
	case len(new) == 0:
		return false, true
	}
	return gone(old, new), gone(new, old)
}

// raised judges a change of what tightens when it is set.
func raised(old, new bool) (tightens, widens bool) { return !old && new, old && !new }

// sooner judges a change of what tightens when it becomes less, 0 being no limit at all.
func sooner(old, new int64) (tightens, widens bool) {
	switch {
	case old == new:
		return false, false
	case old == 0:
		return true, false
	case new == 0:
		return false, true
	}
	return new < old, new > old
}

// unmarked judges a change of the stamp of what is unmarked. Withholding is the strictest;
// of stamps the stricter one lets receivers do less, and may ask for approval.
func unmarked(old, new *entente.Terms) (tightens, widens bool) {
	strict := func(t entente.TLP) entente.TLP {
		if t == entente.TLPNone {
			return entente.TLPRed + 1
		}
		return t
	}
	return strict(new.Unmarked) > strict(old.Unmarked), strict(new.Unmarked) < strict(old.Unmarked)
}

// community judges a change of the circle that GREEN means: naming one instead of the
// members alone makes it larger, and of two circles neither is known to hold the other.
func community(old, new *entente.Terms) (tightens, widens bool) {
	switch {
	case old.Community == new.Community:
		return false, false
	case old.Community == "":
		return false, true
	case new.Community == "":
		return true, false
	}
	return true, true
}
