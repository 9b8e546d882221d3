package entente

import (
	"cmp"
	"fmt"
	"slices"
)

// Versioning is what a version says of itself that the other versions of its object are
// held to (STIX 2.1 §3.6): who made the object and when, and whether it is revoked.
type Versioning struct {
	Stamp     string // modified, else created, as written
	CreatedBy ObjectID
	Created   Instant // zero if the version has none
	Revoked   bool
}

// Versioning is what the version says of itself.
func (v *Version) Versioning() *Versioning {
	return &Versioning{Stamp: v.Stamp().Text, CreatedBy: v.CreatedBy, Created: v.Created, Revoked: v.Revoked}
}

// maxCompared is how many contents of one object are read to hold a new one to them: the
// oldest, which tells who made it, and the newest others.
const maxCompared = 16

// Compared lists the contents whose [Known.Versioning] a decision about a Submit needs, in
// the order of its objects. For an object that is new, or of which nothing stands but what
// is submitted again, it needs none; so the usual intake reads nothing.
func (c Submit) Compared(known map[ObjectID][]Known) []int64 {
	if len(known) == 0 {
		return nil
	}
	var out []int64
	done := map[ObjectID]bool{}
	for _, v := range c.Versions {
		if done[v.ID] || v.Stamp().IsZero() || !slices.ContainsFunc(known[v.ID], func(k Known) bool {
			return k.Digest != v.Digest && k.versioned() && k.stands()
		}) {
			continue
		}
		done[v.ID] = true
		var standing []*Known
		for i := range known[v.ID] {
			if k := &known[v.ID][i]; k.versioned() && k.stands() {
				standing = append(standing, k)
			}
		}
		slices.SortFunc(standing, earlier)
		for i, k := range standing {
			if i == 0 || i > len(standing)-maxCompared {
				out = append(out, k.Content)
			}
		}
	}
	return out
}

// versioned tells that the content has a moment of its own.
func (k *Known) versioned() bool { return k.Key.Micros != Unversioned }

// stands tells that a source's submission of the content stands, shown or not.
func (k *Known) stands() bool {
	return slices.ContainsFunc(k.Lines, func(l Line) bool { return l.Gone == 0 })
}

// came is the position at which the content came in, of the submissions that stand.
func (k *Known) came() int64 {
	first := int64(0)
	for _, l := range k.Lines {
		if l.Gone == 0 && (first == 0 || l.Seq < first) {
			first = l.Seq
		}
	}
	return first
}

// earlier orders contents by their moments; of one moment, the one that came first counts
// as the earlier.
func earlier(a, b *Known) int {
	if c := a.Key.Compare(b.Key); c != 0 {
		return c
	}
	return cmp.Compare(a.came(), b.came())
}

// history are the contents of an object that stand in a feed and of which is known what
// they say, earliest first.
func history(known []Known) []*Known {
	var out []*Known
	for i := range known {
		if k := &known[i]; k.Versioning != nil && k.versioned() && k.stands() {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, earlier)
	return out
}

// creator is the first in a history that says who made the object, nil if none does.
func creator(of []*Known) *Known {
	for _, k := range of {
		if k.Versioning.CreatedBy != "" {
			return k
		}
	}
	return nil
}

// revokes tells that a content revokes the object: only its creator can.
func revokes(k, creator *Known) bool {
	return k.Versioning.Revoked && (creator == nil || k.Versioning.CreatedBy == creator.Versioning.CreatedBy)
}

// Revocation finds the content that revokes an object, among those that stand in a feed:
// the earliest that says so and is by the object's creator. It is -1 if there is none.
// Revocation is of the object with all its versions (STIX 2.1 §3.6).
func Revocation(known []Known) int {
	all := history(known)
	by := creator(all)
	for _, k := range all {
		if revokes(k, by) {
			return find(known, k.Digest)
		}
	}
	return -1
}

// Breaches tells how the content at known[at] breaks the rules of versioning (STIX 2.1
// §3.6), beside the other contents of its object that stand in the same feed, from whatever
// source. It is held to the earlier ones; and where it is new, what is said of later ones
// that came in before it is said here, as nobody could have been told of it then. Nothing
// is said where a property is absent and may be: who gave no name may give it later.
func Breaches(known []Known, at int, isNew bool) []Finding {
	if len(known) < 2 {
		return nil // as for most
	}
	return breachesOf(&known[at], history(known), isNew)
}

// AllBreaches tells how each of the contents of an object breaks the rules of versioning
// beside the earlier ones; see [Breaches].
func AllBreaches(known []Known) [][]Finding {
	out := make([][]Finding, len(known))
	all := history(known)
	for i := range known {
		out[i] = breachesOf(&known[i], all, false)
	}
	return out
}

func breachesOf(me *Known, all []*Known, isNew bool) []Finding {
	place := slices.Index(all, me)
	if place < 0 || len(all) < 2 {
		return nil
	}
	b := breaches{me: me, all: all, before: all[:place]}
	if isNew {
		b.after = all[place+1:]
	}
	b.creators()
	b.created()
	b.revocations()
	return b.out
}

type breaches struct {
	me                 *Known
	all, before, after []*Known
	out                []Finding
}

func (b *breaches) add(property, section21, section20, format string, args ...any) {
	section := "STIX 2.1 " + section21
	if b.me.Spec == Spec20 {
		section = "STIX 2.0 Part 1 " + section20
	}
	b.out = append(b.out, Finding{Severity: Warning, Property: property, Section: section, Text: fmt.Sprintf(format, args...)})
}

// creators holds that one creator makes all versions.
func (b *breaches) creators() {
	by := creator(b.all)
	if by == nil {
		return
	}
	says := func(k *Known) ObjectID { return k.Versioning.CreatedBy }
	what := "make a new version of"
	if b.me.Versioning.Revoked {
		what = "revoke"
	}
	switch {
	case slices.Contains(b.before, by) && says(b.me) == "":
		b.add("created_by_ref", "§3.6", "§3.4", "it names nobody, and version %s says that %s made the object: only the creator may %s an object", by.Versioning.Stamp, says(by), what)
	case slices.Contains(b.before, by) && says(b.me) != says(by):
		b.add("created_by_ref", "§3.6", "§3.4", "%s did not make the object: version %s says that %s did, and only the creator may %s an object", says(b.me), by.Versioning.Stamp, says(by), what)
	case by == b.me:
		for _, k := range b.after {
			if says(k) != says(b.me) {
				b.add("created_by_ref", "§3.6", "§3.4", "version %s, which is later and is held, does not name %s, who made the object: only the creator may make a new version of an object", k.Versioning.Stamp, says(b.me))
				return
			}
		}
	}
}

// created holds that all versions tell the same time at which the object was made.
func (b *breaches) created() {
	mine := b.me.Versioning.Created
	if mine.IsZero() {
		return
	}
	tells := func(k *Known) bool { return !k.Versioning.Created.IsZero() }
	differs := func(k *Known) bool { return tells(k) && k.Versioning.Created.Compare(mine) != 0 }
	others := b.after
	if at := slices.IndexFunc(b.before, tells); at >= 0 {
		others = b.before[at : at+1] // the first that tells a time is the measure
	}
	if at := slices.IndexFunc(others, differs); at >= 0 {
		k := others[at].Versioning
		b.add("created", "§3.2", "§3.4", "%s is not what version %s says, which is %s: all versions of an object say the same", mine.Text, k.Stamp, k.Created.Text)
	}
}

// revocations holds that nothing comes after a revocation, and that a version stays
// revoked or not, as it was.
func (b *breaches) revocations() {
	by := creator(b.all)
	for _, k := range b.before {
		switch c := k.Key.Compare(b.me.Key); {
		case c < 0 && revokes(k, by):
			b.add("modified", "§3.6", "§3.4", "version %s revokes the object: that is final, and no later version may be made", k.Versioning.Stamp)
			return
		case c == 0 && k.Versioning.Revoked != b.me.Versioning.Revoked:
			b.add("revoked", "§3.6", "§3.4", "other contents of the same version say the opposite: to revoke an object is a new version, with a later modified")
			return
		}
	}
	later := func(k *Known) bool { return k.Key.Compare(b.me.Key) > 0 }
	if at := slices.IndexFunc(b.after, later); at >= 0 && revokes(b.me, by) {
		b.add("revoked", "§3.6", "§3.4", "version %s is later and is held: to revoke is final, and no later version may be made", b.after[at].Versioning.Stamp)
	}
}
