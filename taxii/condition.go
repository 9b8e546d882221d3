package taxii

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"entente"
)

// parseConditions reads the match fields of the interoperability tests. What is equal in
// meaning gives equal conditions. Match fields that nobody knows are ignored (§3.4); a
// match field that is repeated is refused, known or not.
func parseConditions(at Endpoint, values url.Values) ([]entente.Condition, error) {
	var out []entente.Condition
	for _, name := range slices.Sorted(maps.Keys(values)) { // sorted: of two errors always the same one is told
		field, ok := strings.CutPrefix(name, "match[")
		if !ok {
			continue
		}
		if len(values[name]) > 1 {
			return nil, repeated(name)
		}
		field, ok = strings.CutSuffix(field, "]")
		known, found := entente.FindConditionField(field)
		if !ok || !found || onFeeds&(1<<at) == 0 {
			continue
		}
		c, err := parseCondition(known, values[name][0])
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// parseCondition reads the values of one match field, apart by commas (§3.4).
func parseCondition(f entente.ConditionField, list string) (entente.Condition, error) {
	c := entente.Condition{Field: f.Name}
	for s := range strings.SplitSeq(list, ",") {
		value, why := conditionValue(f.Kind, s)
		if why != "" {
			return c, entente.Errorf(entente.Invalid, "match[%s]: %q is not %s", f.Name, clip(s), why)
		}
		c.Values = append(c.Values, value)
	}
	switch f.Bound {
	case entente.AtLeast:
		c.Values = []string{slices.MinFunc(c.Values, boundOrder(f.Kind))}
	case entente.AtMost:
		c.Values = []string{slices.MaxFunc(c.Values, boundOrder(f.Kind))}
	}
	slices.Sort(c.Values)
	c.Values = slices.Compact(c.Values)
	return c, nil
}

// conditionValue brings a value into the form of its kind; otherwise it tells what was
// expected.
func conditionValue(kind entente.MatchKind, s string) (value, expected string) {
	switch kind {
	case entente.MatchInteger:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || s[0] == '+' || n > 1<<53-1 || n < -(1<<53-1) {
			return "", "an integer (STIX 2.1 §2.10)"
		}
		return strconv.FormatInt(n, 10), ""
	case entente.MatchBoolean:
		if s != "true" && s != "false" {
			return "", "true or false"
		}
		return s, ""
	case entente.MatchInstant:
		in, err := entente.ParseInstant(s)
		text := instantText(in)
		if err == nil {
			_, err = entente.ParseInstant(text) // the leap second behind the last year has no text
		}
		if err != nil {
			return "", "a timestamp such as 2026-01-01T00:00:00Z (STIX 2.1 §2.16)"
		}
		return text, ""
	case entente.MatchID:
		id, err := entente.ParseObjectID(s)
		if err != nil {
			return "", "an identifier (STIX 2.1 §2.9)"
		}
		return string(id), ""
	case entente.MatchTLP:
		level, ok := entente.ParseTLP(s)
		if !ok || strings.Contains(s, ":") { // the field is called tlp already
			return "", "a level of TLP: clear, white, green, amber, amber+strict, red"
		}
		return level.String(), ""
	}
	if s == "" || !utf8.ValidString(s) {
		return "", "a text: it is empty, or not UTF-8"
	}
	if kind == entente.MatchHex {
		return lower(s), ""
	}
	return s, ""
}

// lower folds the case of ASCII letters and of nothing else.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// boundOrder orders the values of a range by what they mean.
func boundOrder(kind entente.MatchKind) func(a, b string) int {
	return func(a, b string) int {
		if kind == entente.MatchInstant {
			x, _ := entente.ParseInstant(a)
			y, _ := entente.ParseInstant(b)
			return x.Compare(y)
		}
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		return cmp.Compare(x, y)
	}
}

// sameConditions names a condition of a that b has not, or has with other values, "" if
// there is none.
func sameConditions(a, b []entente.Condition) (different string) {
	for _, x := range a {
		i := slices.IndexFunc(b, func(y entente.Condition) bool { return y.Field == x.Field })
		if i < 0 || !slices.Equal(x.Values, b[i].Values) {
			return "match[" + x.Field + "]"
		}
	}
	return ""
}
