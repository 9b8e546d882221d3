package entente_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Every test and every file that docs/taxii.md names exists.
func TestConformanceTableIsTrue(t *testing.T) {
	table, err := os.ReadFile("docs/taxii.md")
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
	for _, dir := range []string{".", "api", "stix", "taxii", "store", "node"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			code = append(code, b...)
		}
	}
	tests := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllSubmatch(table, -1)
	if len(tests) < 20 {
		t.Fatalf("only %d tests are named", len(tests))
	}
	for _, m := range tests {
		if !regexp.MustCompile(`(?m)^func ` + string(m[1]) + `\(t \*testing\.T\)`).Match(code) {
			t.Errorf("docs/taxii.md names %s, which does not exist", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`([a-z/]+\\.go)`").FindAllSubmatch(table, -1) {
		if _, err := os.Stat(string(m[1])); err != nil {
			t.Errorf("docs/taxii.md names %s: %v", m[1], err)
		}
	}
}
