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

// Notes of docs/design/ have a number each, and say it; what a document or a comment points
// to with a path is there.
func TestDocumentsLeadToWhatIsThere(t *testing.T) {
	notes, err := filepath.Glob("docs/design/*.md")
	if err != nil || len(notes) < 10 {
		t.Fatalf("%d notes: %v", len(notes), err)
	}
	taken := map[string]string{}
	for _, name := range notes {
		number, _, _ := strings.Cut(filepath.Base(name), "-")
		if taken[number] != "" {
			t.Errorf("%s and %s have one number", taken[number], name)
		}
		taken[number] = name
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# "+number+": ") {
			t.Errorf("%s does not begin with its number", name)
		}
	}
	links := 0
	check := func(from, base, path string) {
		links++
		if _, err := os.Stat(filepath.Join(base, path)); err != nil {
			t.Errorf("%s points to %s, which is not there", from, path)
		}
	}
	link, note := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`), regexp.MustCompile(`docs/[a-z]+/?[0-9a-z-]*\.md`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, ".go") || path == "docs_test.go":
			return nil
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".md") {
			for _, m := range link.FindAllSubmatch(text, -1) {
				check(path, filepath.Dir(path), string(m[1]))
			}
		}
		for _, m := range note.FindAll(text, -1) {
			check(path, ".", string(m))
		}
		return err
	})
	if err != nil || links < 20 {
		t.Errorf("%d links: %v", links, err)
	}
}

// What the guide's example says of terms and of answers is what its script tries.
func TestGuideExampleIsTried(t *testing.T) {
	guide, err := os.ReadFile("docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("cmd/entente/testdata/both/threepartners.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(guide), "### Three partners, one collection\n")
	example, _, _ = strings.Cut(example, "\n### ")
	table, answer, _ := strings.Cut(example, "```")
	answer, _, _ = strings.Cut(answer, "```")
	var says []string
	for _, m := range regexp.MustCompile("`([a-z]+ = [^`]+)`").FindAllStringSubmatch(table, -1) {
		says = append(says, "\n"+m[1]+"\n")
	}
	for line := range strings.Lines(strings.TrimSpace(answer)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "$ ") {
			says = append(says, "\nexec "+line[2:]+"\n")
		} else {
			says = append(says, "\nstdout '"+line+"'\n")
		}
	}
	if len(says) < 10 {
		t.Fatalf("the example says only %q", says)
	}
	for _, s := range says {
		if !strings.Contains(string(script), s) {
			t.Errorf("the script does not try %q", s)
		}
	}
}
