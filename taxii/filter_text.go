package taxii

import (
	"net/url"
	"strings"

	"entente"
)

// FilterText writes a filter in one way only: as the fields of a request (TAXII 2.1 §3.4.1)
// in the order of their names, escaped as in a URL. It is "" for a request without fields.
func FilterText(f entente.Filter) string {
	var out []string
	put := func(name, value string) {
		if value != "" {
			out = append(out, name+"="+url.QueryEscape(value))
		}
	}
	if f.AddedAfter != 0 {
		put("added_after", entente.FormatMicros(f.AddedAfter))
	}
	for _, c := range f.Conditions {
		put("match["+c.Field+"]", strings.Join(c.Values, ","))
	}
	texts := func(n int, text func(int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = text(i)
		}
		return strings.Join(all, ",")
	}
	put("match[id]", texts(len(f.IDs), func(i int) string { return string(f.IDs[i]) }))
	put("match[spec_version]", texts(len(f.Specs), func(i int) string { return f.Specs[i].String() }))
	put("match[type]", strings.Join(f.Types, ","))
	put("match[version]", versionsText(f.Versions))
	return strings.Join(out, "&")
}

// versionsText is the value of match[version]; "" for the default.
func versionsText(f entente.VersionFilter) string {
	var out []string
	if f.All {
		out = append(out, "all")
	}
	if f.First {
		out = append(out, "first")
	}
	if f.Last {
		out = append(out, "last")
	}
	for _, in := range f.Exact {
		out = append(out, in.Text)
	}
	return strings.Join(out, ",")
}
