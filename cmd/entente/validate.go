package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/stix"
)

type validation struct {
	Objects  int         `json:"objects"`
	Errors   int         `json:"errors"`
	Warnings int         `json:"warnings"`
	Files    []validFile `json:"files"`
}

type validFile struct {
	File     string        `json:"file"`
	Form     string        `json:"form"`
	Objects  int           `json:"objects"`
	Errors   int           `json:"errors"`
	Warnings int           `json:"warnings"`
	Findings []findingView `json:"findings,omitempty"`
	Error    string        `json:"error,omitempty"`
}

type findingView struct {
	Object   int    `json:"object"` // from 1
	Line     int64  `json:"line"`
	ID       string `json:"id,omitempty"`
	Severity string `json:"severity"`
	Property string `json:"property,omitempty"`
	Section  string `json:"section,omitempty"`
	Text     string `json:"text"`
}

func (a *app) validateCmd() *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "validate FILE…|-",
		Short: "Check STIX files against the standard",
		Long: `Checks STIX 2.1 and 2.0 objects in any form that "entente import" reads. An error
is what cannot be taken as a STIX object; a warning is taken, though it breaks
the standard. Each names the property and the section of the standard. Needs no
node. The exit status is 3 if there are errors, with --strict also for warnings.`,
		Example: "  entente validate report.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v := validation{Files: []validFile{}}
			for _, name := range args {
				f := a.validateFile(name)
				v.Files = append(v.Files, f)
				v.Objects += f.Objects
				v.Errors += f.Errors
				v.Warnings += f.Warnings
			}
			err := a.print(v, func(w io.Writer) { validText(w, v) })
			switch {
			case err != nil:
				return err
			case v.Errors > 0:
				return entente.Errorf(entente.Invalid, "%s found", plural(v.Errors, "error was", "errors were"))
			case strict && v.Warnings > 0:
				return entente.Errorf(entente.Invalid, "%s found, and --strict takes none", plural(v.Warnings, "warning was", "warnings were"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "count warnings as errors")
	return cmd
}

func (a *app) validateFile(name string) (out validFile) {
	out.File = name
	in, size, err := a.openInput(name)
	if err != nil {
		out.Error, out.Errors = err.Error(), 1
		return out
	}
	defer in.Close()
	bar := a.progress(size, name)
	defer bar.Finish()
	r := stix.NewReader(io.TeeReader(in, bar))
	for {
		it, err := r.Next()
		if err != nil {
			if err != io.EOF {
				out.Error = entente.PublicText(err)
				out.Errors++
			}
			out.Form = r.Form().String()
			return out
		}
		out.Objects++
		if it.Err != nil {
			out.add(it, "", entente.Finding{Severity: entente.Fault, Text: entente.PublicText(it.Err)})
			continue
		}
		v, findings := stix.Parse(it.Raw)
		id := ""
		if v != nil {
			id = string(v.ID)
		}
		for _, f := range findings {
			out.add(it, id, f)
		}
	}
}

func (f *validFile) add(it stix.Item, id string, found entente.Finding) {
	if found.Severity == entente.Fault {
		f.Errors++
	} else {
		f.Warnings++
	}
	f.Findings = append(f.Findings, findingView{
		Object: it.Index + 1, Line: it.Line, ID: id, Severity: found.Severity.String(),
		Property: found.Property, Section: found.Section, Text: found.Text,
	})
}

func validText(w io.Writer, v validation) {
	for _, f := range v.Files {
		for _, x := range f.Findings {
			where := fmt.Sprintf("%s:%d: object %d", f.File, x.Line, x.Object)
			if x.ID != "" {
				where += " " + x.ID
			}
			what := x.Text
			if x.Property != "" {
				what = x.Property + ": " + what
			}
			if x.Section != "" {
				what += " (" + x.Section + ")"
			}
			fmt.Fprintln(w, plain(where+": "+x.Severity+": "+what))
		}
		if f.Error != "" {
			fmt.Fprintln(w, plain(f.File+": error: "+f.Error))
		}
		fmt.Fprintln(w, plain(fmt.Sprintf("%s: %s, %s, %s in %s", f.File, plural(f.Objects, "object", "objects"),
			plural(f.Errors, "error", "errors"), plural(f.Warnings, "warning", "warnings"), f.Form)))
	}
}
