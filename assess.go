package entente

import (
	"cmp"
	"slices"
)

// Statement is what an object states beside its common properties: a relationship, or what
// an opinion or note says about other objects.
type Statement struct {
	Relationship string   // relationship_type, "" for no relationship
	From, To     ObjectID // of a relationship
	Stance       Stance   // of an opinion, and of a note that is marked as dissent
	Text         string
	About        []ObjectID
}

// Claimed is a version as one source supplied it.
type Claimed struct {
	Version   *Version
	Source    string // organisation's id
	Arrived   int64  // microseconds since 1970
	Statement Statement
}

// Assessment is one matter with all that is claimed about it, side by side. Nothing is
// weighed: that is for people.
type Assessment struct {
	Subject ObjectID
	// Relationship is the type of the relationships from the subject that are the claims;
	// "" where the claims are versions of the subject itself, one of each source.
	Relationship string
	// Differ tells that claims that stand do not say the same: other contents, other targets.
	Differ bool
	Claims []Claim // those that stand first, the surest of them first
}

// Claim is what one source claims.
type Claim struct {
	Claimed
	// Newer is the version by which any source has gone beyond this one, "" for none.
	Newer string
	Views []View // opinions about it, and notes of dissent, oldest first
	// For and Against count the opinions that agree and disagree, strongly or not, and count.
	For, Against int
}

// View is an opinion about a claim, or a note of dissent.
type View struct {
	Claimed
	Struck *Strike // its own organisation has struck it, so that it does not count
}

// Counts tells whether a view counts: it is not struck, and its author did not revoke it.
func (v View) Counts() bool { return v.Struck == nil && !v.Version.Revoked }

// Attribution is the relationship by which somebody is named as the one behind something
// (STIX 2.1 §4).
const Attribution = "attributed-to"

// Assess puts side by side what is claimed about an object: its versions by source, the
// relationships that go out from it by their type, attributions first; or, where it is a
// relationship, what else is claimed of the same source and type. Of each object the latest
// version of each source is its claim. Held is all that is known of the objects concerned.
func Assess(id ObjectID, held []Claimed, strikes []Strike) []Assessment {
	latest, views := latestClaims(held), Views(held, strikes)
	subject, only := id, ""
	for _, c := range latest {
		if c.Version.ID == id && c.Statement.Relationship != "" {
			subject, only = c.Statement.From, c.Statement.Relationship
		}
	}
	var out []Assessment
	put := func(relationship string, c Claimed) {
		at := slices.IndexFunc(out, func(a Assessment) bool { return a.Relationship == relationship })
		if at < 0 {
			at = len(out)
			out = append(out, Assessment{Subject: subject, Relationship: relationship})
		}
		out[at].Claims = append(out[at].Claims, newClaim(c, latest, views))
	}
	for _, c := range latest {
		switch r := c.Statement.Relationship; {
		case r != "" && c.Statement.From == subject && (only == "" || only == r):
			put(r, c)
		case c.Version.ID == id && only == "":
			put("", c)
		}
	}
	for i := range out {
		out[i].settle()
	}
	slices.SortFunc(out, func(x, y Assessment) int {
		return cmp.Or(x.rank()-y.rank(), cmp.Compare(x.Relationship, y.Relationship))
	})
	return out
}

// rank puts the object itself first, and then attributions.
func (a *Assessment) rank() int {
	switch a.Relationship {
	case "":
		return 0
	case Attribution:
		return 1
	}
	return 2
}

// settle puts the claims in order and finds out whether they differ.
func (a *Assessment) settle() {
	gone := func(c Claim) int {
		if c.Version.Revoked {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(a.Claims, func(x, y Claim) int {
		return cmp.Or(gone(x)-gone(y), y.Version.Confidence-x.Version.Confidence, cmp.Compare(x.Arrived, y.Arrived), cmp.Compare(x.Version.ID, y.Version.ID))
	})
	for _, c := range a.Claims {
		first := a.Claims[0]
		if gone(c) == 0 && (c.Statement.To != first.Statement.To || a.Relationship == "" && c.Version.Digest != first.Version.Digest) {
			a.Differ = true
		}
	}
}

// latestClaims gives of each object the latest version of each source, in the order of their arrival.
func latestClaims(held []Claimed) []Claimed {
	type key struct {
		id     ObjectID
		source string
	}
	at := map[key]int{}
	var out []Claimed
	for _, c := range held {
		k := key{c.Version.ID, c.Source}
		i, ok := at[k]
		switch {
		case !ok:
			at[k] = len(out)
			out = append(out, c)
		case c.after(out[i]):
			out[i] = c
		}
	}
	slices.SortStableFunc(out, func(x, y Claimed) int {
		return cmp.Or(cmp.Compare(x.Arrived, y.Arrived), cmp.Compare(x.Version.ID, y.Version.ID), cmp.Compare(x.Source, y.Source))
	})
	return out
}

// after tells whether a version is newer than another of its object. Without moments of
// their own, what came later is newer; of two contents for one version, what came first counts.
func (c Claimed) after(o Claimed) bool {
	x, y := c.Version.Key(), o.Version.Key()
	if n := cmp.Or(cmp.Compare(c.Version.Spec, o.Version.Spec), x.Compare(y)); n != 0 {
		return n > 0
	}
	if x.Micros == Unversioned {
		return c.Arrived > o.Arrived
	}
	return c.Arrived < o.Arrived
}

// Views gives the opinions, and the notes of dissent, among some versions: of each the latest
// version of each source, in the order of their arrival.
func Views(held []Claimed, strikes []Strike) []View {
	var out []View
	for _, x := range latestClaims(held) {
		if x.Statement.Stance == NoStance {
			continue
		}
		v := View{Claimed: x}
		for i := range strikes {
			if k := &strikes[i]; k.Object == x.Version.ID && k.Organisation == x.Source {
				v.Struck = k
			}
		}
		out = append(out, v)
	}
	return out
}

func newClaim(c Claimed, latest []Claimed, views []View) Claim {
	out := Claim{Claimed: c}
	newest := c
	for _, x := range latest {
		if x.Version.ID == c.Version.ID && x.Version.Key() != newest.Version.Key() && x.after(newest) {
			newest = x
			out.Newer = x.Version.Stamp().Text
		}
	}
	counted := map[ObjectID]bool{}
	for _, v := range views {
		if !slices.Contains(v.Statement.About, c.Version.ID) {
			continue
		}
		out.Views = append(out.Views, v)
		if !v.Counts() || counted[v.Version.ID] { // several sources may supply one opinion
			continue
		}
		counted[v.Version.ID] = true
		switch s := v.Statement.Stance; {
		case s.For():
			out.For++
		case s.Against():
			out.Against++
		}
	}
	return out
}
