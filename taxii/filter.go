package taxii

import (
	"cmp"
	"slices"
	"strings"

	"entente"
)

// noSpec is a specification version that no object has: what a request for versions that
// are not known here selects by.
const noSpec = entente.Spec(0)

func parseAdded(f *entente.Filter, value string) (err error) {
	f.AddedAfter, err = ParseTimestamp(value)
	if err != nil {
		return entente.Errorf(entente.Invalid, "added_after: %s", entente.PublicText(err))
	}
	return nil
}

func parseIDs(f *entente.Filter, value string) error {
	for s := range strings.SplitSeq(value, ",") {
		id, err := entente.ParseObjectID(s)
		if err != nil {
			return entente.Errorf(entente.Invalid, "match[id]: %s", entente.PublicText(err))
		}
		f.IDs = append(f.IDs, id)
	}
	slices.Sort(f.IDs)
	f.IDs = slices.Compact(f.IDs)
	return nil
}

func parseTypes(f *entente.Filter, value string) error {
	for s := range strings.SplitSeq(value, ",") {
		if !entente.ValidType(s) {
			return entente.Errorf(entente.Invalid, "match[type]: %q is not an object type (STIX 2.1 §2.9)", clip(s))
		}
		f.Types = append(f.Types, s)
	}
	slices.Sort(f.Types)
	f.Types = slices.Compact(f.Types)
	return nil
}

// parseVersions reads match[version] (§3.4.1). Two texts of one moment are one version,
// and no version may be named twice.
func parseVersions(f *entente.Filter, value string) error {
	v := &f.Versions
	bad := func(s, why string) error {
		return entente.Errorf(entente.Invalid, "match[version]: %q %s (TAXII 2.1 §3.4.1)", clip(s), why)
	}
	count := 0
	for s := range strings.SplitSeq(value, ",") {
		count++
		word := map[string]*bool{"all": &v.All, "first": &v.First, "last": &v.Last}[s]
		if word != nil {
			if *word {
				return bad(s, "is given more than once")
			}
			*word = true
			continue
		}
		in, err := entente.ParseInstant(s)
		if err != nil {
			return bad(s, "is none of all, first, last and a STIX timestamp")
		}
		in.Text = instantText(in) // one text per moment, so that equal filters are equal bytes
		v.Exact = append(v.Exact, in)
	}
	if v.All && count > 1 {
		return bad(value, "names other versions beside \"all\"")
	}
	slices.SortFunc(v.Exact, entente.Instant.Compare)
	for i := 1; i < len(v.Exact); i++ {
		if v.Exact[i].Compare(v.Exact[i-1]) == 0 {
			return bad(v.Exact[i].Text, "is given more than once")
		}
	}
	return nil
}

// instantText writes an instant with its fraction at full length, at least six digits.
func instantText(in entente.Instant) string {
	text := entente.FormatMicros(in.Micros)
	return strings.TrimSuffix(text, "Z") + in.Rest + "Z"
}

// sameVersions compares what two filters select of an object's versions; the last one
// is what a request gets that does not say (§3.4.1).
func sameVersions(a, b *entente.Filter) bool {
	x, y := a.Versions, b.Versions
	return x.All == y.All && x.First == y.First && x.WantsLast() == y.WantsLast() &&
		slices.EqualFunc(x.Exact, y.Exact, func(p, q entente.Instant) bool { return p.Compare(q) == 0 })
}

// parseSpecs reads match[spec_version]. A version that is well formed and not known here
// selects nothing, which is what "must not include others" asks for (§3.4.1).
func parseSpecs(f *entente.Filter, value string) error {
	for s := range strings.SplitSeq(value, ",") {
		major, minor, ok := strings.Cut(s, ".")
		if !ok || !isNumber(major) || !isNumber(minor) {
			return entente.Errorf(entente.Invalid, "match[spec_version]: %q is not a version such as 2.1 (TAXII 2.1 §3.4.1)", clip(s))
		}
		spec := noSpec
		for _, known := range [...]entente.Spec{entente.Spec20, entente.Spec21} {
			if s == known.String() {
				spec = known
			}
		}
		f.Specs = append(f.Specs, spec)
	}
	slices.SortFunc(f.Specs, cmp.Compare[entente.Spec])
	f.Specs = slices.Compact(f.Specs)
	if len(f.Specs) > 1 && f.Specs[0] == noSpec {
		f.Specs = f.Specs[1:]
	}
	return nil
}

func isNumber(s string) bool {
	return s != "" && len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}
