package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"entente"
	"entente/ledger"
	"entente/node"
)

func (a *app) reportCmd() *cobra.Command {
	var from, to string
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "report [--from TIME] [--to TIME]",
		Short: "Count releases, refusals, stops, decisions and dissent, from the ledger alone",
		Long: `Counts what the ledger tells of a time: releases and withdrawals; what was withheld, by
rule; what was served and refused; stops; approvals, refusals and urgent releases, and
which of these nobody has reviewed; dissent raised and struck. Each of all together, and
by partner and purpose of the agreement; what concerns an agreement of several partners
counts for each of them.

With --json the report says which events it rests on, and
"entente ledger verify DIR --report FILE" counts every figure again from an export.`,
		Example: "  entente report --from 2026-01-01 --to 2027-01-01\n  entente report --json > report.json\n  entente report --csv > report.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			begin, err := moment("from", from)
			if err != nil {
				return err
			}
			end, err := moment("to", to)
			if err != nil {
				return err
			}
			if asCSV && a.json {
				return usagef("say one of --json and --csv")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				r, err := n.Report(ctx, who, begin, end)
				if err != nil {
					return err
				}
				switch {
				case a.json:
					b, err := r.Marshal()
					if err == nil {
						_, err = a.out.Write(b)
					}
					return err
				case asCSV:
					return writeReportCSV(a.out, r)
				}
				return a.print(nil, func(w io.Writer) { writeReport(w, r) })
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "when it begins, as 2026-01-31 or 2026-01-31T12:00:00Z (UTC); without it, with the ledger")
	cmd.Flags().StringVar(&to, "to", "", "before when it ends; without it, now")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV (RFC 4180), a line for each figure")
	return cmd
}

// writeReport writes the figures as a table: a block for each partner and purpose.
func writeReport(w io.Writer, r ledger.Figured) {
	fmt.Fprintf(w, "%s, from %s to before %s\n", plain(r.Home.Name), r.From, r.To)
	if len(r.Figures) == 0 {
		fmt.Fprintln(w, "Nothing happened.")
		return
	}
	rows := [][]string{{"PARTNER", "PURPOSE", "FIGURE", "COUNT"}}
	for _, f := range r.Figures {
		partner := "all together"
		if f.Partner != "" {
			partner = plain(called(r, f.Partner))
		}
		rows = append(rows, []string{partner, plain(shorten(f.Purpose, 40)), plain(f.Figure), fmt.Sprint(f.Count)})
	}
	table(w, rows)
}

func called(r ledger.Figured, partner string) string {
	if name := r.Names[partner]; name != "" {
		return name
	}
	return partner
}

func writeReportCSV(w io.Writer, r ledger.Figured) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"from", "to", "partner", "name", "purpose", "figure", "count"}}
	for _, f := range r.Figures {
		rows = append(rows, []string{r.From, r.To, f.Partner, sheet(r.Names[f.Partner]), sheet(f.Purpose), sheet(f.Figure), fmt.Sprint(f.Count)})
	}
	return out.WriteAll(rows)
}

// sheet keeps a spreadsheet from taking a text for a formula.
func sheet(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

// verifyReport counts the figures of a report again from an export: what "ledger verify
// --report" does besides.
func verifyReport(ctx context.Context, files ledger.Files, o ledger.Options, file string) (ledger.Report, error) {
	b, err := readUpTo(file, ledger.MaxReport+1)
	if err != nil {
		return ledger.Report{}, err
	}
	r, err := ledger.ParseReport(b)
	if err != nil {
		return ledger.Report{}, err
	}
	return ledger.VerifyReport(ctx, files, o, r)
}
