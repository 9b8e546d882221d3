package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"entente/store/storetest"
)

// A sound node gives status 0, a damaged one 1 and what is wrong, in words and in JSON.
func TestDoctorStatus(t *testing.T) {
	dir := t.TempDir()
	try := func(in string, args ...string) (status int, out, errOut string) {
		var o, e bytes.Buffer
		status = run(append(args, "--data", dir, "--db", ""), strings.NewReader(in), &o, &e)
		return status, o.String(), e.String()
	}
	const object = `{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","name":"x"}`
	if status, _, errOut := try(object, "import", "-c", "C", "--create", "-"); status != 0 {
		t.Fatal(errOut)
	}
	if status, out, errOut := try("", "doctor"); status != 0 || !strings.HasPrefix(out, "Checked 1 version and 1 entry in 1 collection (sqlite) in ") || !strings.HasSuffix(out, ": sound\n") || errOut != "" {
		t.Fatalf("status %d\n%s%s", status, out, errOut)
	}
	storetest.Damage(t, filepath.Join(dir, "entente.db"), `UPDATE content SET stamp = 'x'`)
	status, out, errOut := try("", "doctor")
	if status != 1 || !strings.Contains(out, "FAULT    content    content 1 (tool--00000000-0000-4000-8000-000000000001): its version is x") ||
		!strings.Contains(out, ": 1 fault, 0 warnings\n") || !strings.Contains(errOut, "1 fault was found") {
		t.Fatalf("status %d\n%s%s", status, out, errOut)
	}
	status, out, _ = try("", "doctor", "--json")
	var ex struct {
		Sound      bool
		Faults     int
		Complaints []struct{ Check, Text string }
	}
	if err := json.Unmarshal([]byte(out), &ex); err != nil || status != 1 || ex.Sound || ex.Faults != 1 || len(ex.Complaints) != 1 || ex.Complaints[0].Check != "content" {
		t.Fatalf("status %d, %v\n%s", status, err, out)
	}
}
