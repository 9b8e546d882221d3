package terms

import (
	"bytes"
	"fmt"
	"slices"

	"entente"
)

// Format writes terms as a terms file without comments. title gives the name of an
// organisation or collection by its id, "" where the id is to be written; it may be nil.
// What [Read] makes of the file is the same terms, where names lead back to their ids.
func Format(t entente.Terms, title func(id string) string) []byte {
	var b bytes.Buffer
	for _, k := range keys {
		if s := k.get(&t, title); s != "" {
			fmt.Fprintf(&b, "%s = %s\n", k.name, s)
		}
	}
	for _, m := range t.Members {
		fmt.Fprintf(&b, "\n[[member]]\norganisation = %s\n", text(named(m.Organisation, title)))
		if m.Flow != 0 {
			fmt.Fprintf(&b, "direction = %s\n", text(flowWord(m.Flow)))
		}
		if m.Client {
			b.WriteString("client = true\n")
		}
	}
	return b.Bytes()
}

// TemplateOptions is what is known of an agreement when its first draft is written. What
// is left out gets an example in its place.
type TemplateOptions struct {
	Name, Title, Purpose string
	Collections          []string // names
	Members              []string // names of organisations
	Dialogue             bool     // without collections, whatever Collections says
}

// Template writes a terms file that explains each key. Keys that may be left out stand
// there as comments, each with its default or an example.
func Template(o TemplateOptions) []byte {
	given := map[string]string{"name": text(o.Name), "title": text(o.Title), "purpose": text(o.Purpose), "collections": texts(o.Collections)}
	needed := []string{"name", "title", "purpose", "collections", "highest", "organisation", "direction"}
	var b bytes.Buffer
	b.WriteString(`# The terms of an agreement (TOML). Everything that is not released by them is withheld.
# A line that begins with "#" and a key is what holds, or an example; take the "#" away and
# change the value. Members sign exactly what this file says.
`)
	if o.Dialogue {
		b.WriteString("# This agreement is for dialogue only: it covers no collection, and nothing is released.\n")
	}
	write := func(k key) {
		if o.Dialogue && (!k.dialogue || k.name == "collections" || k.name == "direction" || k.name == "client") {
			return
		}
		b.WriteString("\n")
		for _, line := range k.help {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		fmt.Fprintf(&b, "# Value: %s.\n", k.form)
		if k.def != "" && !slices.Contains(needed, k.name) {
			fmt.Fprintf(&b, "# Default: %s.\n", k.def)
		}
		example, mark := k.example, "# "
		if given[k.name] != "" {
			example = given[k.name]
		}
		if slices.Contains(needed, k.name) {
			mark = ""
		}
		fmt.Fprintf(&b, "%s%s = %s\n", mark, k.name, example)
	}
	for _, k := range keys {
		write(k)
	}
	b.WriteString("\n# The members, each below a [[member]] of its own.\n")
	for i, m := range append(slices.Clone(o.Members), "")[:max(1, len(o.Members))] {
		b.WriteString("\n[[member]]\n")
		given["organisation"] = text(m)
		if i == 0 {
			for _, k := range memberKeys {
				write(k)
			}
			continue
		}
		fmt.Fprintf(&b, "organisation = %s\n", text(m))
		if !o.Dialogue {
			b.WriteString("direction = \"receives\"\n")
		}
	}
	return b.Bytes()
}
