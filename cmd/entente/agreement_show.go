package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/terms"
)

// agreementView is an agreement as the command line shows it.
type agreementView struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Path     string       `json:"path"`
	Title    string       `json:"title"`
	State    string       `json:"state"`
	Validity string       `json:"validity,omitempty"` // what about an active one keeps data from flowing
	Version  int64        `json:"version"`            // of the terms in force, 0 for none
	Hash     string       `json:"hash,omitempty"`     // of those
	Created  string       `json:"created"`
	Working  *workView    `json:"under_way,omitempty"`
	Closed   bool         `json:"closed"`
	Members  []memberView `json:"members"`
	Feeds    []feedView   `json:"feeds"`
	OnTable  *tableView   `json:"on_table,omitempty"`
	Terms    string       `json:"terms"` // in force, else those on the table, as a terms file
}

type workView struct {
	Action  string `json:"action"`
	Since   string `json:"since"`
	Version int64  `json:"version"`
	Backlog string `json:"backlog,omitempty"`
}

type memberView struct {
	Organisation string `json:"organisation"`
	Name         string `json:"name"`
	Direction    string `json:"direction,omitempty"`
	Client       bool   `json:"client"`
	Accepted     string `json:"accepted,omitempty"` // when it accepted what is on the table
	Said         string `json:"said,omitempty"`
}

type feedView struct {
	ID           string `json:"id"`
	Path         string `json:"path"`
	Collection   string `json:"collection"`
	CollectionID string `json:"collection_id"`
	Covered      bool   `json:"covered"` // by the terms in force
	Entries      int64  `json:"entries"`
	Judged       int64  `json:"judged"` // a position of the collection's accept log
	Log          int64  `json:"log"`    // the last position of that
	Behind       int64  `json:"behind"` // lines of that which are not judged
}

type tableView struct {
	Version int64        `json:"version"`
	Hash    string       `json:"hash"`
	Missing []string     `json:"missing"`      // names of members that have not accepted it
	Asks    bool         `json:"asks_backlog"` // putting it in force takes a choice of backlog
	Changes []changeView `json:"changes"`      // from what is in force
}

type changeView struct {
	Key      string `json:"key"`
	Old      string `json:"old"`
	New      string `json:"new"`
	Tightens bool   `json:"tightens"`
	Widens   bool   `json:"widens"`
}

func viewAgreement(g *node.AgreementInfo, now int64) agreementView {
	v := agreementView{ID: g.ID, Name: g.Name, Path: "/" + g.Name + "/", Title: g.Terms.Title, State: string(g.State), Version: g.Version,
		Created: when(g.Created), Closed: g.Closed, Members: []memberView{}, Feeds: []feedView{}, Terms: string(terms.Format(g.Terms, g.Title))}
	switch t := &g.Terms; {
	case g.State != entente.Active:
	case t.ValidFrom > now:
		v.Validity = "begins at " + when(t.ValidFrom)
	case t.ValidUntil != 0 && t.ValidUntil <= now:
		v.Validity = "ran out at " + when(t.ValidUntil)
	}
	if g.Version != 0 {
		v.Hash = g.Hash.String()
	}
	if w := g.Work; w != nil {
		v.Working = &workView{w.Step.Action, when(w.Step.At), w.Version, w.Step.Backlog}
	}
	members, accepted := g.Terms.Members, g.Accepted()
	if t := g.OnTable(); t != nil {
		members = t.Terms.Members
		v.OnTable = &tableView{Version: t.Number, Hash: t.Hash.String(), Missing: []string{}, Changes: []changeView{}}
		v.OnTable.Asks = len(g.Missed(&t.Terms)) > 0
		for _, id := range g.Missing() {
			v.OnTable.Missing = append(v.OnTable.Missing, cmp.Or(g.Names[id], id))
		}
		if g.Version != 0 {
			for _, d := range terms.Compare(g.Terms, t.Terms, g.Title) {
				v.OnTable.Changes = append(v.OnTable.Changes, changeView{d.Key, d.Old, d.New, d.Tightens, d.Widens})
			}
		}
	}
	for _, m := range members {
		x := memberView{Organisation: m.Organisation, Name: cmp.Or(g.Names[m.Organisation], m.Organisation), Client: m.Client}
		if m.Flow != 0 {
			x.Direction = [...]string{entente.Receives: "receives", entente.Contributes: "contributes", entente.Both: "both"}[m.Flow]
		}
		if s, ok := accepted[m.Organisation]; ok {
			x.Accepted, x.Said = when(s.At), s.Said
		}
		v.Members = append(v.Members, x)
	}
	slices.SortFunc(v.Members, func(x, y memberView) int { return strings.Compare(x.Name, y.Name) })
	for _, f := range g.Feeds {
		v.Feeds = append(v.Feeds, feedView{ID: f.ID, Path: v.Path + "collections/" + f.ID + "/", Collection: cmp.Or(g.Names[f.Collection], f.Collection),
			CollectionID: f.Collection, Covered: g.Version != 0 && g.Terms.Covers(f.Collection), Entries: g.Entries[f.ID], Judged: f.Seen, Log: f.LogHead, Behind: g.Behind[f.ID]})
	}
	return v
}

// StateWords is the state with what keeps data from flowing or changes it.
func (v agreementView) StateWords() string {
	s := v.State
	if v.Validity != "" {
		s += ", " + v.Validity
	}
	if v.Working != nil {
		s += ", " + v.Working.Action + " under way"
	}
	return s
}

func (v agreementView) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n  title    %s\n  id       %s\n", v.Name, v.StateWords(), plain(v.Title), v.ID)
	if v.Version != 0 {
		fmt.Fprintf(w, "  terms    version %d, %s\n", v.Version, v.Hash)
	}
	if v.Working != nil {
		fmt.Fprintf(w, "  changing %s to version %d since %s\n", v.Working.Action, v.Working.Version, v.Working.Since)
	}
	for _, m := range v.Members {
		words := strings.TrimPrefix(m.Direction+", ", ", ")
		switch {
		case m.Accepted != "":
			words += fmt.Sprintf("accepted at %s: %s", m.Accepted, plain(m.Said))
		case v.OnTable != nil:
			words += "has not accepted what is on the table"
		default:
			words = strings.TrimSuffix(words, ", ")
		}
		fmt.Fprintf(w, "  member   %s: %s\n", plain(m.Name), words)
	}
	v.writeFeeds(w)
	if v.OnTable != nil {
		fmt.Fprintf(w, "  on the table: version %d, %s\n", v.OnTable.Version, v.OnTable.Hash)
		v.writeChanges(w)
		v.writeMissing(w)
	}
	fmt.Fprintf(w, "\n%s", plainLines(v.Terms))
}

// plainLines is plain line by line.
func plainLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		fmt.Fprintln(&b, plain(strings.TrimSuffix(line, "\n")))
	}
	return b.String()
}

func (v agreementView) writeFeeds(w io.Writer) {
	for _, f := range v.Feeds {
		words := plural(int(f.Entries), "entry", "entries")
		switch {
		case !f.Covered:
			words = "not covered"
		case f.Behind == 0:
			words += ", everything judged"
		default:
			words += ", " + plural(int(f.Behind), "line of the collection not judged", "lines of the collection not judged")
		}
		fmt.Fprintf(w, "  feed     %s: %s\n           %s\n", plain(f.Collection), words, f.Path)
	}
}

func (v agreementView) writeChanges(w io.Writer) {
	for _, c := range v.OnTable.Changes {
		way := ""
		switch {
		case c.Tightens && c.Widens:
			way = "  (may take away and give)"
		case c.Tightens:
			way = "  (may take away)"
		case c.Widens:
			way = "  (may give more)"
		}
		fmt.Fprintf(w, "    %s: %s -> %s%s\n", c.Key, plain(c.Old), plain(c.New), way)
	}
}

func (v agreementView) writeMissing(w io.Writer) {
	switch {
	case v.OnTable == nil:
	case len(v.OnTable.Missing) == 0:
		step, choice := "activate", ""
		if v.State == string(entente.Suspended) {
			step = "restore"
		}
		if v.OnTable.Asks {
			choice = " --backlog ..."
		}
		fmt.Fprintf(w, "  every member has accepted: \"entente agreement %s %s%s\"\n", step, v.Name, choice)
	default:
		fmt.Fprintf(w, "  waits for %s\n", plain(strings.Join(v.OnTable.Missing, ", ")))
	}
}

// printAgreement shows an agreement after what was done with it; text nil shows all of it.
func (a *app) printAgreement(ctx context.Context, n *node.Node, who entente.Actor, name string, text func(io.Writer, agreementView)) error {
	g, err := n.AgreementNamed(ctx, who, name)
	if err != nil {
		return err
	}
	v := viewAgreement(&g, n.Now())
	return a.print(v, func(w io.Writer) {
		if text != nil {
			text(w, v)
			return
		}
		v.write(w)
	})
}

func (a *app) agreementShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show an agreement: state, members, feeds with their TAXII paths, terms",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				return a.printAgreement(ctx, n, who, args[0], nil)
			})
		},
	}
}

// stepView is a step of an agreement's life as the command line shows it.
type stepView struct {
	Number       int64  `json:"number"`
	At           string `json:"at"`
	Action       string `json:"action"`
	From         string `json:"from,omitempty"`
	To           string `json:"to"`
	Version      int64  `json:"version"`
	Hash         string `json:"hash"`
	Organisation string `json:"organisation"`
	Account      string `json:"account"`
	Role         string `json:"role"`
	Said         string `json:"said,omitempty"`
	Reason       string `json:"reason,omitempty"` // that was given
	Because      string `json:"because"`          // that, or what the step rests on
	Backlog      string `json:"backlog,omitempty"`
	CalledOff    string `json:"called_off,omitempty"`
}

func (a *app) agreementHistory() *cobra.Command {
	return &cobra.Command{
		Use:   "history NAME",
		Short: "Show every step of an agreement's life: who, when, why, under which terms",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				g, err := n.AgreementNamed(ctx, who, args[0])
				if err != nil {
					return err
				}
				views := []stepView{}
				for _, s := range g.History {
					var about entente.Terms
					for i := range g.Versions {
						if g.Versions[i].Number == s.Version {
							about = g.Versions[i].Terms
						}
					}
					views = append(views, stepView{Because: s.Because(&about), Number: s.Number, At: when(s.At), Action: s.Action, From: string(s.From), To: string(s.To), Version: s.Version,
						Hash: s.Hash.String(), Organisation: cmp.Or(g.Names[s.Organisation], s.Organisation), Account: cmp.Or(g.Names[s.Account], s.Account),
						Role: string(s.Role), Said: s.Said, Reason: s.Reason, Backlog: s.Backlog, CalledOff: s.CalledOff})
				}
				return a.print(map[string]any{"name": g.Name, "steps": views}, func(w io.Writer) {
					for _, s := range views {
						s.write(w)
					}
				})
			})
		},
	}
}

func (s stepView) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %-8s  %s, terms version %d (%s)\n", s.At, s.Action, s.To, s.Version, s.Hash[:12])
	fmt.Fprintf(w, "    by %s, recorded by %s (%s)\n", plain(s.Organisation), plain(s.Account), s.Role)
	reason := [2]string{"reason", s.Reason}
	if s.Reason == "" && s.Said == "" { // what a member said is told already
		reason = [2]string{"because", s.Because}
	}
	for _, x := range [][2]string{{"said", s.Said}, reason, {"backlog", s.Backlog}, {"called off", s.CalledOff}} {
		if x[1] != "" {
			fmt.Fprintf(w, "    %s: %s\n", x[0], plain(x[1]))
		}
	}
}
