package terms_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"entente/terms"
)

func readDoc(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/terms.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// docs/terms.md lists the keys that the code knows, in their order, with the same words.
func TestDocumentHasTheKeys(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*) \\| (.*) \\| (?:–|Door|[1-8](?:, [1-8])*) \\|$").FindAllStringSubmatch(readDoc(t), -1)
	keys := terms.KeyTexts()
	if len(rows) != len(keys) {
		t.Fatalf("the document lists %d keys, the code %d", len(rows), len(keys))
	}
	for i, k := range keys {
		if k.Default == "" {
			k.Default = "must be given"
		}
		if row := rows[i]; row[1] != k.Name || row[2] != k.Form || row[3] != k.Default {
			t.Errorf("the document has %q, the code %q", row[1:], k)
		}
	}
}

// The example of docs/terms.md is without problems.
func TestDocumentedExample(t *testing.T) {
	_, example, _ := strings.Cut(readDoc(t), "```toml\n")
	example, _, ok := strings.Cut(example, "```")
	if !ok {
		t.Fatal("the document has no example")
	}
	_, problems := terms.Read([]byte(example), names)
	tell(t, problems)
}

// Each clash that docs/terms.md lists is refused, with the two lines that it names.
func TestDocumentedClashes(t *testing.T) {
	base := []string{`name = "a"`, `title = "a"`, `purpose = "a"`, `collections = ["Phishing"]`, `highest = "tlp:amber"`,
		`[[member]]`, `organisation = "Example CERT"`, `direction = "both"`}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)`, `([a-z_]+)` \\| `(.*)` \\| .+ \\|$").FindAllStringSubmatch(readDoc(t), -1)
	if len(rows) < 15 {
		t.Fatalf("the document lists only %d clashes", len(rows))
	}
	for _, row := range rows {
		var above, below []string
		example := strings.Split(row[3], "; ")
		key := func(line string) string { return strings.Fields(line)[0] }
		for _, line := range example {
			if k := key(line); example[0] == "[[member]]" || k == "direction" || k == "client" {
				below = append(below, line)
			} else {
				above = append(above, line)
			}
		}
		file := above
		for _, line := range base {
			again := example[0] != "[[member]]" && strings.Contains("; "+row[3], "; "+key(line)+" ")
			if !again {
				file = append(file, line)
			}
		}
		file = append(file, below...)
		_, problems := terms.Read([]byte(strings.Join(file, "\n")), names)
		found := false
		for _, p := range problems {
			found = found || p.Line2 > 0 && key(file[p.Line-1]) == row[1] && key(file[p.Line2-1]) == row[2]
		}
		if !found {
			t.Errorf("%s and %s do not clash in\n%s\n%s", row[1], row[2], strings.Join(file, "\n"), problems)
		}
	}
}
