package entente_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule is what one package may be made of. Everything that is not allowed is refused,
// the standard library apart.
type rule struct {
	// tier is the height in the tree: a package imports own packages of lower tiers only.
	tier int
	// own lists the own packages it may import, "." for the root package.
	own []string
	// modules lists the third-party modules it may import.
	modules []string
	// tests lists what only its tests may import besides: own packages or modules. Tests
	// may also import every own package of a lower tier, and testModules.
	tests []string
	// pure packages have no clock, no randomness and no I/O.
	pure bool
}

const (
	rootImport  = "entente"
	goJSON      = "github.com/go-json-experiment/json"
	vmMetrics   = "github.com/VictoriaMetrics/metrics"
	xCrypto     = "golang.org/x/crypto"
	maxLines    = 400 // of a Go file that is not a test
	layoutTable = "the table \"layout\" in layout_test.go"
)

// layout is the tree. Imports run one way:
//
//	cmd -> api|web -> node -> {store, ledger, peer, terms} -> {stix, taxii} -> entente
//
// A package that is not here does not belong to the product; one that is here may not
// exist yet. A leaf internal/NAME gets a row of tier 0 that allows nothing: it stands on
// the standard library, and its name is then added to "leaves" so that others may use it.
var layout = map[string]rule{
	".":      {tier: 0, pure: true},
	"stix":   {tier: 1, own: []string{"."}, modules: []string{goJSON, "github.com/klauspost/compress"}, pure: true},
	"taxii":  {tier: 1, own: []string{"."}, modules: []string{goJSON}},
	"terms":  {tier: 2, own: []string{".", "stix"}, modules: []string{"github.com/pelletier/go-toml/v2"}, pure: true},
	"ledger": {tier: 3, own: []string{".", "stix"}, modules: []string{goJSON, "golang.org/x/mod"}},
	"peer":   {tier: 3, own: []string{".", "stix", "taxii"}},
	"store": {tier: 3, own: []string{".", "stix", "taxii", "terms"},
		modules: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5"},
		tests:   []string{"store/storetest"}},
	"store/storetest": {tier: 4, own: []string{".", "stix", "taxii", "terms", "store"}, modules: testModules},
	"node": {tier: 4, own: []string{".", "stix", "taxii", "terms", "store", "ledger", "peer"},
		modules: []string{xCrypto, vmMetrics},
		tests:   []string{"store/storetest"}},
	"api": {tier: 5, own: []string{".", "stix", "taxii", "terms", "node", "peer"},
		modules: []string{goJSON, "golang.org/x/time"},
		tests:   []string{"github.com/santhosh-tekuri/jsonschema/v6", "golang.org/x/mod"}}, // hold answers against the description, and logs against what others read
	"web": {tier: 5, own: []string{".", "stix", "node"}},
	"selftest": {tier: 6, own: []string{".", "stix", "taxii", "terms", "store", "ledger", "node", "api"}, modules: []string{goJSON},
		tests: []string{"store/storetest"}},
	"cmd/entente": {tier: 7, own: []string{".", "stix", "taxii", "terms", "store", "ledger", "peer", "node", "api", "web", "selftest"},
		modules: []string{"github.com/spf13/cobra", "github.com/schollz/progressbar/v3", "golang.org/x/term", xCrypto}},
	"internal/selfcert": {tier: 0},
}

// leaves are the packages below internal/ that every package but the root may import.
var leaves = []string{"internal/selfcert"}

// testModules may be imported by tests, and by nothing else.
var testModules = []string{
	"pgregory.net/rapid",
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"go.uber.org/goleak",
}

// unwanted names say nothing about what a package is for.
var unwanted = []string{"pkg", "util", "utils", "common", "helper", "helpers", "service", "services",
	"repository", "repositories", "dto", "model", "models", "mock", "mocks"}

// impure are the parts of the standard library that a pure package does without.
var impure = []string{"crypto/rand", "database/sql", "embed", "log", "math/rand", "net", "os", "plugin", "runtime", "syscall", "testing", "unsafe"}

// values are parts of what is impure that hold no more than values.
var values = []string{"net/netip"}

// clock names what in package time reads a clock or waits.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// TestLayout holds the source tree against the table.
func TestLayout(t *testing.T) {
	problems, err := checkTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// TestLayoutTableRunsOneWay holds the table itself against the direction of imports.
func TestLayoutTableRunsOneWay(t *testing.T) {
	for dir, r := range layout {
		for _, own := range r.own {
			if to, ok := layout[own]; !ok || to.tier >= r.tier {
				t.Errorf("%s (tier %d) may import %s, which is unknown or not of a lower tier", dir, r.tier, own)
			}
		}
	}
	for _, leaf := range leaves {
		if r, ok := layout[leaf]; !ok || r.tier != 0 || len(r.own)+len(r.modules) > 0 {
			t.Errorf("the leaf %s needs a row of tier 0 that allows nothing", leaf)
		}
	}
}

// checkTree reads every Go file of the tree itself, because a test that asks the go
// command for the imports would be answered from the test cache. It skips what the go
// command skips, and modules of their own.
func checkTree(tree fs.FS) ([]string, error) {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	documented := map[string]bool{} // every package directory that has Go files, and whether it has a comment
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name == "." {
				return nil
			}
			if _, err := fs.Stat(tree, path.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(base) != ".go" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
			return nil
		}
		dir := path.Dir(name)
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		test := strings.HasSuffix(base, "_test.go")
		documented[dir] = documented[dir] || (!test && file.Doc != nil)
		if slices.Contains(unwanted, file.Name.Name) {
			report("%s: a package named %q says nothing about what it is for", name, file.Name.Name)
		}
		if r, ok := layout[dir]; ok {
			checkImports(report, name, dir, r, file, test)
		}
		if !test {
			checkSource(report, name, layout[dir], file, src)
		}
		return nil
	})
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		for part := range strings.SplitSeq(dir, "/") {
			if slices.Contains(unwanted, part) {
				report("%s: a directory named %q says nothing about what it is for", dir, part)
			}
		}
		if _, ok := layout[dir]; !ok {
			report("%s: this package is not listed; if it belongs to the product, add a row to %s", dir, layoutTable)
		}
		if !documented[dir] {
			report("%s: no file has a package comment", dir)
		}
	}
	return problems, err
}

// checkImports reports what a file imports and may not.
func checkImports(report func(string, ...any), name, dir string, r rule, file *ast.File, test bool) {
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		first, _, _ := strings.Cut(imported, "/")
		switch {
		case first == rootImport:
			own := strings.TrimPrefix(strings.TrimPrefix(imported, rootImport), "/")
			if own == "" {
				own = "."
			}
			to, known := layout[own]
			switch {
			case !known:
				report("%s: imports %s, which is not listed in %s", name, imported, layoutTable)
			case own == dir && test: // an external test of the package itself
			case test && slices.Contains(r.tests, own):
			case to.tier >= r.tier:
				report("%s: imports %s: upward, or sideways; imports run one way, to lower tiers", name, imported)
			case !test && !slices.Contains(r.own, own) && (dir == "." || !slices.Contains(leaves, own)):
				report("%s: imports %s, which %s does not allow for %s", name, imported, layoutTable, dir)
			}
		case strings.Contains(first, "."):
			if !ofModules(imported, r.modules) && !(test && (ofModules(imported, testModules) || ofModules(imported, r.tests))) {
				report("%s: imports %s, which %s does not allow for %s", name, imported, layoutTable, dir)
			}
		case r.pure && !test && ofModules(imported, impure) && !slices.Contains(values, imported):
			report("%s: imports %s; %s is pure: no clock, no randomness, no I/O", name, imported, dir)
		}
	}
}

// checkSource reports what a file that is not a test may not hold.
func checkSource(report func(string, ...any), name string, r rule, file *ast.File, src []byte) {
	if lines := strings.Count(string(src), "\n"); lines > maxLines {
		report("%s: %d lines; a file of more than %d has more than one reason to change", name, lines, maxLines)
	}
	if isMock(name, file) {
		report("%s: a generated mock; test with the real thing, or with a small fake written by hand", name)
	}
	timeName := ""
	for _, spec := range file.Imports {
		if spec.Path.Value == `"time"` {
			if timeName = "time"; spec.Name != nil {
				timeName = spec.Name.Name
			}
		}
	}
	if r.pure && timeName == "." {
		report("%s: imports time with a dot, which hides where the clock is read", name)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			report("%s: func init runs behind everybody's back; call it from where it is needed", name)
		}
	}
	if !r.pure || timeName == "" {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == timeName && slices.Contains(clock, sel.Sel.Name) {
				report("%s: uses time.%s; a pure package is handed the time", name, sel.Sel.Name)
			}
		}
		return true
	})
}

// isMock recognises what the usual generators of mocks write.
func isMock(name string, file *ast.File) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, "mock_") || strings.HasSuffix(base, "_mock.go") || strings.HasSuffix(base, "_mocks.go") {
		return true
	}
	if ast.IsGenerated(file) {
		for _, group := range file.Comments {
			text := strings.ToLower(group.Text())
			if strings.Contains(text, "mockgen") || strings.Contains(text, "mockery") || strings.Contains(text, "moq") {
				return true
			}
		}
	}
	return false
}

// ofModules reports whether imported is one of the modules or a package of one.
func ofModules(imported string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}

// TestModules holds go.mod against the table: a module that no package may import
// has no place there, and tools live in a module of their own.
func TestModules(t *testing.T) {
	src, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range checkGoMod(string(src)) {
		t.Error(p)
	}
}

func checkGoMod(src string) []string {
	allowed := slices.Clone(testModules)
	for _, r := range layout {
		allowed = append(append(allowed, r.modules...), r.tests...)
	}
	var problems []string
	block := ""
	for line := range strings.Lines(src) {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		if block != "" && len(words) > 0 && words[0] != ")" {
			words = append([]string{block}, words...)
		}
		switch {
		case len(words) == 0:
		case words[0] == ")":
			block = ""
		case len(words) == 2 && words[1] == "(":
			block = words[0]
		case words[0] == "tool" || words[0] == "replace":
			problems = append(problems, fmt.Sprintf("go.mod: %q: no tools and no replacements here", strings.Join(words, " ")))
		case words[0] == "require" && strings.TrimSpace(comment) != "indirect":
			if len(words) > 1 && !slices.Contains(allowed, words[1]) {
				problems = append(problems, fmt.Sprintf("go.mod: no package may import %s: see %s", words[1], layoutTable))
			}
		}
	}
	return problems
}
