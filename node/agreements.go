package node

import (
	"context"
	"slices"
	"strings"

	"entente"
	"entente/store"
	"entente/terms"
)

// AgreementInfo is an agreement with its life, and what people need to read it.
type AgreementInfo struct {
	entente.Life
	Names   map[string]string // of organisations, collections and accounts, by id
	Entries map[string]int64  // live entries by the id of the feed
	Behind  map[string]int64  // lines of its collection that a feed has not judged, by its id
}

// Title is the name of an organisation or collection, "" for what is not known.
func (a *AgreementInfo) Title(id string) string { return a.Names[id] }

// Agreements lists all agreements by name, those that ended included, for who knows the partners.
func (n *Node) Agreements(ctx context.Context, a entente.Actor) ([]AgreementInfo, error) {
	if err := mayKnowPartners(a); err != nil {
		return nil, err
	}
	var out []AgreementInfo
	err := n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.Agreements(ctx)
		if err != nil || len(all) == 0 {
			return err
		}
		names, err := agreementNames(ctx, t)
		if err != nil {
			return err
		}
		for _, g := range all {
			l, err := t.Life(ctx, g.ID)
			if err != nil {
				return err
			}
			if l != nil {
				out = append(out, AgreementInfo{Life: *l, Names: names})
			}
		}
		return nil
	})
	return out, err
}

// AgreementNamed finds an agreement by name or id, with its history and counts.
func (n *Node) AgreementNamed(ctx context.Context, a entente.Actor, name string) (AgreementInfo, error) {
	var out AgreementInfo
	if err := mayKnowPartners(a); err != nil {
		return out, err
	}
	err := n.view(ctx, a, func(t *store.Tx) error {
		l, err := t.Life(ctx, name)
		if err != nil {
			return err
		}
		if l == nil {
			return entente.Errorf(entente.NotFound, "there is no agreement %q; \"entente agreement list\" shows those there are", name)
		}
		out.Life, out.Entries, out.Behind = *l, map[string]int64{}, map[string]int64{}
		behind, err := t.FeedsBehind(ctx, l.Num)
		if err != nil {
			return err
		}
		for _, b := range behind {
			out.Behind[b.Feed] = b.Lines
		}
		for _, f := range l.Feeds {
			if out.Entries[f.ID], err = t.Entries(ctx, f.Feed, f.Head); err != nil {
				return err
			}
		}
		out.Names, err = agreementNames(ctx, t)
		return err
	})
	return out, err
}

func agreementNames(ctx context.Context, t *store.Tx) (map[string]string, error) {
	names, err := organisationNames(ctx, t)
	if err != nil {
		return nil, err
	}
	cols, err := t.Collections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range cols {
		names[c.ID] = c.Name
	}
	accounts, err := t.Accounts(ctx)
	for _, acc := range accounts {
		names[acc.ID] = acc.Name
	}
	return names, err
}

// ReadTerms reads a terms file against the partners and collections of home. It gives the
// terms as a command takes them, or all that is wrong with the file.
func (n *Node) ReadTerms(ctx context.Context, a entente.Actor, file []byte) (entente.TermsVersion, []terms.Problem, error) {
	if err := mayKnowPartners(a); err != nil {
		return entente.TermsVersion{}, nil, err
	}
	var t entente.Terms
	var problems []terms.Problem
	err := n.view(ctx, a, func(tx *store.Tx) error {
		var known names
		var err error
		if known.partners, err = tx.Organisations(ctx); err != nil {
			return err
		}
		if known.collections, err = tx.Collections(ctx); err != nil {
			return err
		}
		t, problems = terms.Read(file, known)
		if err := t.InTime(n.now()); err != nil && len(problems) == 0 { // nobody could propose them
			problems = []terms.Problem{{Text: entente.PublicText(err)}}
		}
		return nil
	})
	if err != nil || len(problems) > 0 {
		return entente.TermsVersion{}, problems, err
	}
	canonical := terms.Canonical(t)
	return entente.TermsVersion{Hash: terms.Hash(t), Terms: t, Canonical: canonical, File: file}, nil, nil
}

// CollectionToCover finds a collection by name, alias or id for who holds a role at home:
// whoever writes terms knows what there is to cover, and may see nothing that it holds.
func (n *Node) CollectionToCover(ctx context.Context, a entente.Actor, name string) (entente.Collection, error) {
	var out entente.Collection
	if err := mayKnowPartners(a); err != nil {
		return out, err
	}
	err := n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.Collections(ctx)
		if err != nil {
			return err
		}
		id, err := names{collections: all}.Collection(name)
		if err == nil {
			out = all[slices.IndexFunc(all, func(c entente.Collection) bool { return c.ID == id })]
		}
		return err
	})
	return out, err
}

// names finds what a terms file names.
type names struct {
	partners    []entente.Organisation
	collections []entente.Collection
}

// Organisation gives a partner's id.
func (n names) Organisation(s string) (string, error) {
	for _, o := range n.partners {
		switch {
		case o.ID != s && o.Name != s:
		case o.Home:
			return "", entente.Errorf(entente.Invalid, "%q is home itself, which is a member of each of its agreements and is not listed", o.Name)
		default:
			return o.ID, nil
		}
	}
	return "", entente.Errorf(entente.NotFound, "there is no partner %q; \"entente partner list\" shows those there are", s)
}

// Collection gives a collection's id. What names two has to be said more exactly.
func (n names) Collection(s string) (string, error) {
	var found []string
	for _, c := range n.collections {
		if c.ID == s {
			return c.ID, nil
		}
		forms := []string{c.Name, c.Root + "/" + c.Name}
		if c.Alias != "" {
			forms = append(forms, c.Alias, c.Root+"/"+c.Alias)
		}
		if slices.Contains(forms, s) {
			found = append(found, c.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", entente.Errorf(entente.NotFound, "there is no collection %q; \"entente collection list\" shows those there are", s)
	case 1:
		return found[0], nil
	}
	return "", entente.Errorf(entente.Conflict, "several collections are called %q; give the id, one of %s", s, strings.Join(found, ", "))
}
