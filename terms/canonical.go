package terms

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"entente"
	"entente/stix"
)

// MaxCanonical is the longest canonical form that is read, in bytes. Everything that
// [entente.Terms.Check] lets pass fits.
const MaxCanonical = 2 << 20

// format names the canonical form; another form gets another name.
const format = "entente-terms-1"

// document is the canonical form. What limits nothing is left out; every choice is written,
// so that a signed form does not depend on what a later program takes for the default. Only
// review, which earlier terms do not know, is left out where it is facts.
type document struct {
	Format         string       `json:"format"`
	Name           string       `json:"name"`
	Title          string       `json:"title"`
	Purpose        string       `json:"purpose"`
	Community      string       `json:"community,omitempty"`
	Members        []memberForm `json:"members,omitempty"`
	Collections    []string     `json:"collections,omitempty"`
	Vocabularies   []string     `json:"vocabularies,omitempty"`
	Highest        string       `json:"highest"`
	Unmarked       string       `json:"unmarked"`
	Types          []string     `json:"types,omitempty"`
	ExceptTypes    []string     `json:"except_types,omitempty"`
	Labels         []string     `json:"labels,omitempty"`
	ExceptLabels   []string     `json:"except_labels,omitempty"`
	Confidence     int          `json:"confidence"`
	NeedConfidence bool         `json:"need_confidence"`
	AgeDays        int          `json:"age_days,omitempty"`
	References     string       `json:"references"`
	Onward         bool         `json:"onward"`
	Approval       string       `json:"approval"`
	Stricter       string       `json:"stricter"`
	Dissent        string       `json:"dissent"`
	Proof          string       `json:"proof"`
	Review         string       `json:"review,omitempty"`
	ValidFrom      string       `json:"valid_from,omitempty"`
	ValidUntil     string       `json:"valid_until,omitempty"`
}

type memberForm struct {
	Organisation string `json:"organisation"`
	Direction    string `json:"direction"`
	Client       bool   `json:"client"`
}

// The words of the canonical form for what is not set and what is.
var (
	referenceWords = [2]string{"closed", "open"}
	stricterWords  = [2]string{"ask", "withdraw"}
	dissentWords   = [2]string{"carry", "require"}
	proofWords     = [2]string{"local", "witnessed"}
	reviewWords    = [2]string{"", "content"}
)

// Canonical gives the canonical JSON (RFC 8785) of terms that [entente.Terms.Check] lets
// pass. The order of members and of lists plays no part in it.
func Canonical(t entente.Terms) []byte {
	d := document{Format: format, Name: t.Name, Title: t.Title, Purpose: t.Purpose, Community: t.Community,
		Collections: sorted(t.Collections), Vocabularies: sorted(t.Vocabularies),
		Highest: levelWord(t.Highest, "none"), Unmarked: levelWord(t.Unmarked, "withhold"),
		Types: sorted(t.Types), ExceptTypes: sorted(t.ExceptTypes), Labels: sorted(t.Labels), ExceptLabels: sorted(t.ExceptLabels),
		Confidence: t.Confidence, NeedConfidence: t.NeedConfidence, AgeDays: t.AgeDays,
		References: pick(referenceWords, t.OpenReferences), Onward: t.Onward, Approval: levelWord(t.Approval, "never"),
		Stricter: pick(stricterWords, t.WithdrawOlder), Dissent: pick(dissentWords, t.RequireDissent),
		Proof: pick(proofWords, t.WitnessedProof), Review: pick(reviewWords, t.ReviewContent), ValidFrom: moment(t.ValidFrom), ValidUntil: moment(t.ValidUntil)}
	for _, m := range t.Members {
		d.Members = append(d.Members, memberForm{Organisation: m.Organisation, Direction: flowWord(m.Flow), Client: m.Client})
	}
	slices.SortFunc(d.Members, func(a, b memberForm) int { return strings.Compare(a.Organisation, b.Organisation) })
	raw, err := json.Marshal(d)
	if err == nil {
		raw, err = stix.Canonical(raw)
	}
	if err != nil {
		panic(err) // texts, numbers and flags always have a form
	}
	return raw
}

// Hash is the SHA-256 of the canonical form. It names a version of terms.
func Hash(t entente.Terms) entente.Digest { return sha256.Sum256(Canonical(t)) }

// Parse reads what [Canonical] wrote, and nothing else: exactly one text stands for given
// terms. The lists are in the order of the canonical form. It does not judge the terms;
// [entente.Terms.Check] does. Invalid for another text, TooLarge beyond [MaxCanonical].
func Parse(canonical []byte) (entente.Terms, error) {
	if len(canonical) > MaxCanonical {
		return entente.Terms{}, entente.Errorf(entente.TooLarge, "these terms have %d bytes; terms have %d at most", len(canonical), MaxCanonical)
	}
	var d document
	read := json.NewDecoder(bytes.NewReader(canonical))
	read.DisallowUnknownFields()
	if err := read.Decode(&d); err != nil {
		return entente.Terms{}, entente.Wrap(entente.Invalid, err, "these terms are not JSON of the form "+format)
	}
	if d.Format != format {
		return entente.Terms{}, entente.Errorf(entente.Invalid, "these terms are of the form %q; the one that is understood is %q", clip(d.Format), format)
	}
	t := entente.Terms{Name: d.Name, Title: d.Title, Purpose: d.Purpose, Community: d.Community,
		Collections: d.Collections, Vocabularies: d.Vocabularies, Types: d.Types, ExceptTypes: d.ExceptTypes,
		Labels: d.Labels, ExceptLabels: d.ExceptLabels, Confidence: d.Confidence, NeedConfidence: d.NeedConfidence, AgeDays: d.AgeDays,
		OpenReferences: d.References == referenceWords[1], Onward: d.Onward, WithdrawOlder: d.Stricter == stricterWords[1],
		RequireDissent: d.Dissent == dissentWords[1], WitnessedProof: d.Proof == proofWords[1], ReviewContent: d.Review == reviewWords[1],
		ValidFrom: micros(d.ValidFrom), ValidUntil: micros(d.ValidUntil)}
	t.Highest, _ = parseLevel(d.Highest)
	t.Unmarked, _ = parseLevel(d.Unmarked)
	t.Approval, _ = parseLevel(d.Approval)
	for _, m := range d.Members {
		flow := max(0, slices.Index(flows[:], m.Direction))
		t.Members = append(t.Members, entente.Member{Organisation: m.Organisation, Flow: entente.Flow(flow), Client: m.Client})
	}
	// Whatever was not understood, or is written otherwise, is missing from these bytes.
	if !bytes.Equal(Canonical(t), canonical) {
		return entente.Terms{}, entente.Errorf(entente.Invalid, "these terms are not in canonical form (%s in RFC 8785): a value is unknown, or the text is written otherwise", format)
	}
	return t, nil
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func pick(words [2]string, second bool) string {
	if second {
		return words[1]
	}
	return words[0]
}

// micros reads what [moment] wrote; 0 for anything else.
func micros(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0
	}
	return t.UnixMicro()
}
