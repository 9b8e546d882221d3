package entente

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommandsAreRecorded finds every command in the sources, and wants a row for each among
// those that make events.
func TestCommandsAreRecorded(t *testing.T) {
	commands, rows := map[string]bool{}, map[string]bool{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if f.Name.Name == "command" && f.Recv != nil {
				commands[f.Recv.List[0].Type.(*ast.Ident).Name] = true
			}
			if strings.HasPrefix(f.Name.Name, "record") {
				ast.Inspect(f, func(n ast.Node) bool {
					if c, ok := n.(*ast.CaseClause); ok {
						for _, x := range c.List {
							if id, ok := x.(*ast.Ident); ok {
								rows[id.Name] = true
							}
						}
					}
					return true
				})
			}
		}
	}
	if len(commands) < 50 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	for c := range commands {
		if !rows[c] {
			t.Errorf("nothing in record.go says what the ledger keeps of %s", c)
		}
	}
}

// The event of a submission commits to what came in with the salts that the store keeps,
// although deciding has listed the new contents among what is known, without one.
func TestSubmissionIsSalted(t *testing.T) {
	v := &Version{ID: "tool--00000000-0000-4000-8000-000000000001", Digest: Digest{1}}
	salt := []byte("0123456789abcdef")
	f := Facts{Known: map[ObjectID][]Known{v.ID: {{Digest: v.Digest}}}}
	ch := Change{Contents: []NewContent{{Version: v, Salt: salt}}, Receipt: Receipt{Results: []Result{{ID: v.ID, Digest: v.Digest, Outcome: Added}}}}
	e, _ := Record(Submit{Versions: []*Version{v}}, f, ch)
	if want := CountVersions([]Commitment{Commit(salt, v.Digest)}).Root; e.Rules["added"].Root != want {
		t.Errorf("the event has the root %q, want %q", e.Rules["added"].Root, want)
	}
}
