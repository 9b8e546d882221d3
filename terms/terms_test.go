package terms_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/terms"
)

// book knows organisations and collections by name, as a node does.
type book map[string]string

var names = book{
	"Example CERT": id(1), "Example Bank": id(2), "Example ISAC": id(3), "North \"1\"\nß": id(4),
	"Example collection": id(11), "Example vocabulary": id(12), "Phishing": id(13), "Lures \\ é": id(14),
}

func id(n int) string { return fmt.Sprintf("0a1b2c3d-0000-4000-8000-%012d", n) }

func (b book) find(what, s string) (string, error) {
	for name, id := range b {
		if s == name || s == id {
			return id, nil
		}
	}
	return "", entente.Errorf(entente.NotFound, "there is no %s %q", what, s)
}

func (b book) Organisation(s string) (string, error) { return b.find("organisation", s) }
func (b book) Collection(s string) (string, error)   { return b.find("collection", s) }

func (b book) title(id string) string {
	for name, have := range b {
		if id == have {
			return name
		}
	}
	return ""
}

// drawTerms draws terms that may be proposed: random ones, of which Check sorts out those
// that clash. What is drawn rarely clashes, so few are.
func drawTerms(t *rapid.T) entente.Terms {
	return rapid.Custom(func(t *rapid.T) entente.Terms {
		word := rapid.StringMatching(`[a-z]{1,5}`)
		free := rapid.Map(rapid.StringN(1, 12, 40), func(s string) string {
			return strings.Map(func(c rune) rune {
				if c < ' ' || c >= 0x7f && c < 0xa0 {
					return '"'
				}
				return c
			}, s)
		})
		set := func(of *rapid.Generator[string], most int, label string) []string {
			list := rapid.SliceOfNDistinct(of, 0, most, rapid.ID).Draw(t, label)
			if len(list) == 0 {
				return nil
			}
			return list
		}
		moment := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(946_684_800_000_000, 4_102_444_800_000_000))
		level := rapid.SampledFrom([]entente.TLP{entente.TLPNone, entente.TLPClear, entente.TLPGreen, entente.TLPAmber, entente.TLPAmberStrict})
		yes := rapid.Bool()
		x := entente.Terms{
			Name: rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,20}`).Draw(t, "name"), Title: free.Draw(t, "title"),
			Purpose: "For " + free.Draw(t, "purpose") + "\n\tand \x1b so on.", WitnessedProof: yes.Draw(t, "proof"),
			ValidFrom: moment.Draw(t, "from"), ValidUntil: moment.Draw(t, "until"),
		}
		if yes.Draw(t, "community?") {
			x.Community = free.Draw(t, "community")
		}
		dialogue := rapid.IntRange(0, 4).Draw(t, "dialogue") == 0
		for _, org := range rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 1, 5, rapid.ID).Draw(t, "members") {
			m := entente.Member{Organisation: id(org)}
			if !dialogue {
				m.Flow = rapid.SampledFrom([]entente.Flow{entente.Both, entente.Receives, entente.Contributes}).Draw(t, "flow")
				m.Client = m.Receives() && yes.Draw(t, "client")
			}
			x.Members = append(x.Members, m)
		}
		x.ReviewContent = !dialogue && yes.Draw(t, "review")
		if dialogue {
			return x
		}
		ids := rapid.Permutation([]string{id(11), id(12), id(13), id(14), id(15)}).Draw(t, "collections")
		cut := rapid.IntRange(1, 4).Draw(t, "cut")
		x.Collections = ids[:cut]
		if x.OpenReferences = yes.Draw(t, "open"); !x.OpenReferences {
			x.Vocabularies = ids[cut:]
		}
		x.Highest, x.Unmarked, x.Approval = max(1, level.Draw(t, "highest")), level.Draw(t, "unmarked"), level.Draw(t, "approval")
		x.Unmarked, x.Approval = min(x.Unmarked, x.Highest), min(x.Approval, x.Highest)
		x.Types, x.ExceptTypes = set(word, 4, "types"), set(rapid.StringMatching(`x-[a-z]{3,5}`), 2, "except")
		x.Labels, x.ExceptLabels = set(word, 3, "labels"), set(rapid.Map(free, func(s string) string { return "-" + s }), 2, "except labels")
		x.Confidence, x.NeedConfidence = rapid.IntRange(0, 100).Draw(t, "confidence"), yes.Draw(t, "need")
		x.AgeDays, x.Onward = rapid.IntRange(0, entente.MaxAgeDays).Draw(t, "age"), yes.Draw(t, "onward")
		x.WithdrawOlder, x.RequireDissent = yes.Draw(t, "stricter"), yes.Draw(t, "dissent")
		return x
	}).Filter(func(x entente.Terms) bool { return len(x.Check()) == 0 }).Draw(t, "terms")
}

// inOrder puts the lists that are sets into the order of the canonical form.
func inOrder(t entente.Terms) entente.Terms {
	for _, list := range []*[]string{&t.Collections, &t.Vocabularies, &t.Types, &t.ExceptTypes, &t.Labels, &t.ExceptLabels} {
		*list = slices.Clone(*list)
		slices.Sort(*list)
		if len(*list) == 0 {
			*list = nil
		}
	}
	t.Members = slices.Clone(t.Members)
	slices.SortFunc(t.Members, func(a, b entente.Member) int { return strings.Compare(a.Organisation, b.Organisation) })
	return t
}

// lines counts the lines of a file.
func lines(file []byte) int { return strings.Count(string(file), "\n") + 1 }

func tell(t *testing.T, problems []terms.Problem) {
	t.Helper()
	for _, p := range problems {
		t.Errorf("%s", p)
	}
}
