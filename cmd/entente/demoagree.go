package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"entente"
	"entente/node"
)

// demoPartner is an organisation with which the demo's home agrees.
type demoPartner struct {
	name, agreement, service string
	contact, said            string
	objects                  string // the path of its feed's objects
	client                   demoClient
}

// agreeing is the demo's second act: home and two partners.
type agreeing struct {
	*demo
	ann, bob      person
	delta, meadow demoPartner
}

// Objects of the demo's files.
const (
	demoActor   = "intrusion-set--d7a7a3cc-8c3d-4f16-9293-de8fc88b2875"
	demoMalware = "malware--bef7e268-ffe9-46ab-a058-1ccace1d62e0"
	demoReport  = "report--9d2f4c81-6a3b-4e7d-8f15-2c0b9a7e6d43"
	demoThird   = "indicator--0a6c8f3e-2b1d-4c57-8e90-7d5b3f2a1c64"
	demoNothing = "intrusion-set--00000000-0000-4000-8000-000000000000"
	demoSelf    = "identity--f38b2ffc-80a4-4f5a-91c9-bc701e7ea419"
	demoCase    = "campaign--6bad6be2-8e7a-46e9-9f19-950499dd251d"
)

func (d *demo) agree(ctx context.Context, c demoClient) error {
	g := agreeing{
		demo: d, ann: person{name: "ann"}, bob: person{name: "bob"},
		delta: demoPartner{name: "Delta CERT", agreement: "delta", service: "delta-siem", contact: "desk@delta.example", client: c,
			said: "duty lead, letter of 2 March"},
		meadow: demoPartner{name: "Meadow Bank", agreement: "meadow", service: "meadow-siem", contact: "security@meadow.example", client: c,
			said: "head of security, letter of 3 March"},
	}
	for _, step := range []func(context.Context) error{g.makeKnown, g.agreeOnTerms, g.share, g.tellWhatStops, g.approve, g.tellWho,
		g.dissent, g.tighten, g.suspend, g.restore, g.outsider} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.decider = g.ann
	return nil
}

func (g *agreeing) partners() []*demoPartner { return []*demoPartner{&g.delta, &g.meadow} }

// secret runs a command that gives out a token, which is not shown.
func (g *agreeing) secret(ctx context.Context, account string) (string, error) {
	g.typed(nil, []string{"account", "token", account})
	text, err := g.try(ctx, nil, "account", "token", account, "--json")
	if err != nil {
		return "", err
	}
	var v struct{ Token string }
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "", entente.Wrap(entente.Internal, err, "the demo's token cannot be read")
	}
	return v.Token, nil
}

func (g *agreeing) makeKnown(ctx context.Context) error {
	g.head("Two partners with a service each, and two people who decide.")
	for _, p := range g.partners() {
		for _, args := range [][]string{{"partner", "add", p.name, "--contact", p.contact}, {"partner", "account", "add", p.name, p.service}} {
			if err := g.runQuietly(ctx, nil, args...); err != nil {
				return err
			}
		}
		token, err := g.secret(ctx, p.service)
		if err != nil {
			return err
		}
		p.client.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	for _, who := range []*person{&g.ann, &g.bob} {
		for _, args := range [][]string{{"account", "add", who.name}, {"account", "role", "give", who.name, "releaser"}} {
			if err := g.runQuietly(ctx, nil, args...); err != nil {
				return err
			}
		}
		var err error
		if who.token, err = g.secret(ctx, who.name); err != nil {
			return err
		}
	}
	g.say("   Deciding takes a name: --as, with a token in ENTENTE_TOKEN or a password.")
	return nil
}

func (g *agreeing) agreeOnTerms(ctx context.Context) error {
	g.head("Agree: two agreements over one collection, each on terms of its own.")
	for _, p := range g.partners() {
		text, err := demoData.ReadFile("demodata/" + p.agreement + ".toml")
		if err != nil {
			return err
		}
		file := filepath.Join(g.a.data, p.agreement+".toml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return entente.Wrap(entente.Unavailable, err, "the demo's terms cannot be written: "+err.Error())
		}
		g.say("   $ cat %s.toml", p.agreement)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" {
				g.say("     %s", line)
			}
		}
		if err := g.run(ctx, &g.ann, "agreement", "propose", file); err != nil {
			return err
		}
	}
	g.say("   Home alone cannot put them in force:")
	if err := g.runRefused(ctx, &g.ann, "agreement", "activate", g.meadow.agreement, "--backlog", "all"); err != nil {
		return err
	}
	for _, p := range g.partners() {
		if err := g.runQuietly(ctx, &g.ann, "agreement", "accept", p.agreement, "--for", p.name, "--said", p.said); err != nil {
			return err
		}
		if err := g.run(ctx, &g.ann, "agreement", "activate", p.agreement, "--backlog", "all"); err != nil {
			return err
		}
		info, err := g.n.AgreementNamed(ctx, g.who, p.agreement)
		if err != nil {
			return err
		}
		p.objects = fmt.Sprintf("/%s/collections/%s/objects/", p.agreement, info.Feeds[0].ID)
	}
	return nil
}

// asks has a partner's service ask.
func (g *agreeing) asks(ctx context.Context, p *demoPartner, paths ...string) error {
	for _, path := range paths {
		if err := p.client.show(ctx, demand{"GET", path, nil}); err != nil {
			return err
		}
	}
	return nil
}

func (g *agreeing) share(ctx context.Context) error {
	g.head("Share: a report comes in, and each service reads what is its own.")
	if err := g.take(ctx, "wednesday.json", g.phishing); err != nil {
		return err
	}
	if err := g.n.SettleAll(ctx); err != nil {
		return err
	}
	for _, p := range g.partners() {
		g.say("   %s:", p.service)
		if err := g.asks(ctx, p, "/taxii2/", p.objects); err != nil {
			return err
		}
	}
	g.say("   What %s may not see answers like what does not exist:", g.meadow.name)
	return g.asks(ctx, &g.meadow, "/delta/collections/", "/nowhere/collections/", g.meadow.objects+demoActor+"/", g.meadow.objects+demoNothing+"/")
}

// tellWhatStops says of each object that a partner does not get why.
func (g *agreeing) tellWhatStops(ctx context.Context) error {
	g.head("What stops on the way, and why, in a sentence each.")
	in, err := g.n.CollectionNamed(ctx, g.who, g.phishing.ID)
	if err != nil {
		return err
	}
	page, err := g.n.Feed(ctx, g.who, in, node.Query{Limit: 1000, Bodies: true})
	if err != nil {
		return err
	}
	for _, p := range g.partners() {
		g.say("   To %s:", p.name)
		for _, e := range page.Entries {
			all, err := g.n.Who(ctx, g.who, e.ID)
			if err != nil {
				return err
			}
			for _, w := range all {
				if w.Partner.Name == p.name && !w.Sees && len(w.Through) > 0 {
					g.say("   - %s %q: %s", e.ID.Type(), shorten(title(e.Bytes), 40), w.Through[0].Why)
				}
			}
		}
	}
	g.say("   What refers to something waits for that, so nothing betrays what is withheld.")
	return nil
}

func (g *agreeing) approve(ctx context.Context) error {
	g.head("What the terms leave to people takes two: ann and bob approve.")
	for _, by := range []struct {
		who *person
		why string
	}{{&g.ann, "the source agrees"}, {&g.bob, "checked with ann"}} {
		if err := g.run(ctx, by.who, "approve", demoActor, "--for", g.delta.agreement, "--reason", by.why); err != nil {
			return err
		}
	}
	return nil
}

func (g *agreeing) tellWho(ctx context.Context) error {
	g.head("Who can see the report now, and why not the other? It came along by itself.")
	if err := g.run(ctx, nil, "who", demoReport); err != nil {
		return err
	}
	for _, p := range g.partners() {
		g.say("   %s:", p.service)
		if err := g.asks(ctx, p, p.objects+demoReport+"/"); err != nil {
			return err
		}
	}
	return nil
}

func (g *agreeing) dissent(ctx context.Context) error {
	g.head("Dissent: ann disagrees, and that goes wherever the finding goes.")
	for _, args := range [][]string{{"partner", "edit", g.a.home, "--identity", demoSelf}, {"grant", g.ann.name, "Phishing", "read"}} {
		if err := g.runQuietly(ctx, nil, args...); err != nil {
			return err
		}
	}
	err := g.runQuietly(ctx, &g.ann, "dissent", "add", demoCase, "--disagree", "--text", "these may be two campaigns")
	if err != nil {
		return err
	}
	if err := g.n.SettleAll(ctx); err != nil {
		return err
	}
	for _, p := range g.partners() {
		g.say("   %s:", p.service)
		if err := g.asks(ctx, p, p.objects+"?match[type]=opinion"); err != nil {
			return err
		}
	}
	return nil
}

func (g *agreeing) tighten(ctx context.Context) error {
	g.head("Tighten: a victim asks to keep the loader closer. First see what that does.")
	text, err := g.runFor(ctx, nil, "preview", "restrict", demoMalware, "--to", "tlp:amber")
	if err != nil {
		return err
	}
	words := strings.Fields(text)
	err = g.run(ctx, &g.ann, "restrict", demoMalware, "--to", "tlp:amber", "--reason", demoReason, "--preview", words[len(words)-1])
	if err != nil {
		return err
	}
	g.say("   %s:", g.meadow.service)
	if err := g.asks(ctx, &g.meadow, g.meadow.objects+demoMalware+"/"); err != nil {
		return err
	}
	return g.run(ctx, nil, "who", demoMalware)
}

func (g *agreeing) suspend(ctx context.Context) error {
	g.head("Suspend: one side is enough, and the next request is refused.")
	err := g.run(ctx, &g.ann, "agreement", "suspend", g.meadow.agreement, "--reason", "a leak is looked into",
		"--for", g.meadow.name, "--said", "head of security, by telephone")
	if err != nil {
		return err
	}
	g.say("   %s:", g.meadow.service)
	if err := g.asks(ctx, &g.meadow, "/taxii2/", g.meadow.objects); err != nil {
		return err
	}
	g.say("   What it had been offered by then stays on record:")
	if err := g.run(ctx, nil, "held-by", g.meadow.name, "--limit", "0"); err != nil {
		return err
	}
	g.say("   Meanwhile an indicator comes in. It goes to %s alone.", g.delta.name)
	if err := g.take(ctx, "thursday.json", g.phishing); err != nil {
		return err
	}
	if err := g.n.SettleAll(ctx); err != nil {
		return err
	}
	return g.asks(ctx, &g.delta, g.delta.objects+demoThird+"/")
}

func (g *agreeing) restore(ctx context.Context) error {
	g.head("Restore: all accept anew, and home says what of the meantime is sent.")
	name := g.meadow.agreement
	if err := g.runQuietly(ctx, &g.ann, "agreement", "accept", name, "--for", g.meadow.name, "--said", "head of security, letter of 9 March"); err != nil {
		return err
	}
	g.say("   There is no default:")
	if err := g.runRefused(ctx, &g.ann, "agreement", "restore", name, "--reason", "the leak is closed"); err != nil {
		return err
	}
	for _, backlog := range []string{"none", "all"} {
		if err := g.run(ctx, nil, "preview", "restore", name, "--backlog", backlog); err != nil {
			return err
		}
	}
	if err := g.run(ctx, &g.ann, "agreement", "restore", name, "--backlog", "all", "--reason", "the leak is closed"); err != nil {
		return err
	}
	g.say("   %s:", g.meadow.service)
	return g.asks(ctx, &g.meadow, g.meadow.objects+demoThird+"/")
}
