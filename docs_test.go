package entente_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test, script and file that the tables of docs/ name exists.
func TestTablesNameWhatIsThere(t *testing.T) {
	var code strings.Builder
	scripts := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case strings.HasSuffix(path, ".txtar"):
			scripts[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			code.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for doc, least := range map[string]int{"docs/taxii.md": 20, "docs/limits.md": 15} {
		table, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		tests := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllSubmatch(table, -1)
		if len(tests) < least {
			t.Errorf("%s names only %d tests", doc, len(tests))
		}
		for _, m := range tests {
			if !regexp.MustCompile(`(?m)^func ` + string(m[1]) + `\([tf] \*testing\.[TF]\)`).MatchString(code.String()) {
				t.Errorf("%s names %s, which does not exist", doc, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`([a-z/]+\\.go)`").FindAllSubmatch(table, -1) {
			if _, err := os.Stat(string(m[1])); err != nil {
				t.Errorf("%s names %s: %v", doc, m[1], err)
			}
		}
		for _, m := range regexp.MustCompile("`([a-z_]+\\.txtar)`").FindAllSubmatch(table, -1) {
			if !scripts[string(m[1])] {
				t.Errorf("%s names %s, which does not exist", doc, m[1])
			}
		}
	}
}
