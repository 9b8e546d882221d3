package stix

import (
	"bytes"
	"slices"

	entente "entente"
)

// maxSelecting bounds the steps that resolving the selectors of one object may take, so
// that many selectors into a large object cost no more than reading it a few times.
const maxSelecting = 1 << 20

// selectors warns of granular markings that mark nothing: every selector must be
// well-formed and lead to something in the object (STIX 2.1 §7.2.3). What is meant to be
// marked or translated would otherwise stay unmarked without anybody noticing.
func (c *checker) selectors(v *entente.Version) {
	section := "STIX 2.1 §7.2.3.1"
	if c.two {
		section = "STIX 2.0 Part 1 §4.3"
	}
	if v.Type == "marking-definition" {
		c.ownMarking(v)
	}
	if len(v.Granular) == 0 {
		return
	}
	all := c.member(0, "granular_markings")
	left := maxSelecting
	for i, end := c.children(all); i < end; i = c.after(i) {
		list := c.member(i, "selectors")
		if list == 0 {
			continue
		}
		for k, end := c.children(list); k < end; k = c.after(k) {
			if c.skips(entente.Warning) {
				return
			}
			selector := c.raw(k)
			if c.nodes[k].flags&escaped != 0 {
				selector = unescape(nil, selector)
			}
			problem := c.selects(selector, &left)
			if left < 0 {
				c.warn(list, section, "these are too many selectors to follow into so large an object: from here on they are not checked")
				return
			}
			if problem != "" {
				c.warn(k, section, "the selector %q %s", clip(string(selector)), problem)
			}
		}
	}
}

// ownMarking warns of a marking definition that is marked with itself (STIX 2.1 §3.2).
func (c *checker) ownMarking(v *entente.Version) {
	own := func(g entente.GranularMarking) bool { return g.Marking == v.ID }
	if slices.Contains(v.Markings, v.ID) || slices.ContainsFunc(v.Granular, own) {
		section := "STIX 2.1 §3.2"
		if c.two {
			section = "STIX 2.0 Part 1 §4.1"
		}
		c.add(entente.Warning, "", section, "it is marked with itself", nil)
	}
}

// selects follows a selector from the object on the tape and says what is wrong with it,
// "" if it leads to something. It takes the steps it makes from left.
func (t *tape) selects(selector []byte, left *int) string {
	k := 0
	for component := range bytes.SplitSeq(selector, []byte{'.'}) {
		index := len(component) > 0 && component[0] == '['
		n, ok := 0, true
		if index {
			n, ok = listIndex(component)
		}
		if !ok || len(component) == 0 || !index && bytes.ContainsAny(component, "[]") {
			return "is malformed: names and indexes such as [0] are expected, with dots between them"
		}
		kind := t.nodes[k].kind
		if kind != '[' && index {
			return "hits nothing: " + clip(string(component)) + " is an index, but what stands there is " + kindName(kind) + ", not a list"
		}
		if kind != '{' && !index {
			return "hits nothing: " + clip(string(component)) + " is a name, but what stands there is " + kindName(kind) + ", not an object"
		}
		i, end := t.children(k)
		for ; i < end; i = t.after(i) {
			if *left--; *left < 0 {
				return ""
			}
			if index {
				if n == 0 {
					break
				}
				n--
			} else if bytes.Equal(t.nameOf(i), component) {
				break
			}
		}
		if i >= end {
			return "hits nothing: there is no " + clip(string(component))
		}
		k = i
	}
	return ""
}

// listIndex reads [n].
func listIndex(component []byte) (int, bool) {
	digits, ok := bytes.CutSuffix(component[1:], []byte{']'})
	if !ok || len(digits) == 0 || len(digits) > 9 || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
