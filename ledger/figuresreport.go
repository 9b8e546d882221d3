package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"

	"entente"
)

// Figured is a report: figures of a time, and how far the logs were that they are from.
type Figured struct {
	Format  string            `json:"format"`  // "entente-report"
	Version int               `json:"version"` // 1
	Home    ExportHome        `json:"home"`
	From    string            `json:"from"` // RFC 3339
	To      string            `json:"to"`   // what happened before it
	Logs    map[string]int64  `json:"logs"` // how many entries of each log were read, by origin
	Figures []Figure          `json:"figures"`
	Names   map[string]string `json:"names"` // of partners by id, for whoever reads it; not verified
}

// MaxReport is the longest report that is read, in bytes.
const MaxReport = 64 << 20

// Marshal writes a report, with format and version.
func (r Figured) Marshal() ([]byte, error) {
	r.Format, r.Version = "entente-report", 1
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// ParseReport reads what Marshal wrote. Invalid for anything else.
func ParseReport(b []byte) (Figured, error) {
	bad := func(format string, args ...any) (Figured, error) {
		return Figured{}, entente.Errorf(entente.Invalid, "this is no report of entente: "+format, args...)
	}
	var r Figured
	if len(b) > MaxReport {
		return bad("it is longer than %d bytes", MaxReport)
	}
	if err := jsonv2.Unmarshal(b, &r, jsonv2.RejectUnknownMembers(true)); err != nil {
		return bad("it is not JSON with the members that belong there")
	}
	if r.Format != "entente-report" || r.Version != 1 {
		return bad("format %q, version %d; entente-report 1 is understood", clip(r.Format), r.Version)
	}
	for _, s := range []string{r.From, r.To} {
		if at, err := entente.ParseInstant(s); err != nil || entente.FormatMicros(at.Micros) != s {
			return bad("its time is no moment in UTC with six digits: %q", clip(s))
		}
	}
	return r, nil
}

// VerifyReport verifies an export, and counts the figures of a report again from its events
// alone. The first figure that differs is a Conflict that names it.
func VerifyReport(ctx context.Context, files Files, o Options, r Figured) (Report, error) {
	from, _ := entente.ParseInstant(r.From)
	to, _ := entente.ParseInstant(r.To)
	f := NewFigures(from.Micros, to.Micros)
	each := o.Each
	o.Each = func(e Entered) error {
		if each != nil {
			if err := each(e); err != nil {
				return err
			}
		}
		if e.Index >= r.Logs[Origin(r.Home.ID, e.Epoch, e.Partner)] {
			return nil // it came after the report
		}
		return f.Add(e)
	}
	report, err := Verify(ctx, files, o)
	if err != nil {
		return report, err
	}
	if report.Home.ID != r.Home.ID {
		return report, entente.Errorf(entente.Conflict, "the report is of another ledger: of %s, and this is that of %s", clip(r.Home.ID), report.Home.ID)
	}
	for origin, size := range r.Logs {
		if have, ok := report.Sizes[origin]; !ok || size > have {
			return report, entente.Errorf(entente.Conflict, "the report counts %d entries of the log %s; the export has %d", size, clip(origin), have)
		}
	}
	if err := sameFigures(r.Figures, f.Figures()); err != nil {
		if report.Erased > 0 {
			err = fmt.Errorf("%w (%d events of the ledger were erased, and tell nothing any more)", err, report.Erased)
		}
		return report, entente.Errorf(entente.Conflict, "%w", err)
	}
	return report, nil
}

// sameFigures names the first figure in which two reports differ.
func sameFigures(told, counted []Figure) error {
	told = slices.Clone(told)
	slices.SortStableFunc(told, compareFigures)
	differ := func(f Figure, said, is int64) error {
		return fmt.Errorf("the figure %q of partner %q for the purpose %q is %d in the report; the events of the ledger give %d", clip(f.Figure), clip(f.Partner), clip(f.Purpose), said, is)
	}
	for i := 0; i < len(told) || i < len(counted); i++ {
		switch {
		case i == len(counted):
			return differ(told[i], told[i].Count, 0)
		case i == len(told):
			return differ(counted[i], 0, counted[i].Count)
		}
		switch c := compareFigures(told[i], counted[i]); {
		case c < 0:
			return differ(told[i], told[i].Count, 0)
		case c > 0:
			return differ(counted[i], 0, counted[i].Count)
		case told[i].Count != counted[i].Count:
			return differ(told[i], told[i].Count, counted[i].Count)
		}
	}
	return nil
}
