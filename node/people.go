package node

import (
	"context"

	"entente"
	"entente/store"
)

// AccountInfo is an account with what it may do, without its secrets.
type AccountInfo struct {
	entente.Account
	OrganisationName string
	HasPassword      bool
	Tokens           []entente.Token
	Certificates     []entente.Certificate
	Grants           []entente.Grant
}

// readAll checks that the actor reads everything: an operator, or a reviewer.
func readAll(a entente.Actor) error {
	if !a.May(entente.ReadAll) {
		return entente.Errorf(entente.Forbidden, "only an operator or a reviewer of this node may see that")
	}
	return nil
}

// Accounts lists all accounts by name, for who reads everything.
func (n *Node) Accounts(ctx context.Context, a entente.Actor) ([]AccountInfo, error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	var out []AccountInfo
	err := n.view(ctx, a, func(t *store.Tx) error {
		all, err := t.Accounts(ctx)
		if err != nil {
			return err
		}
		names, err := organisationNames(ctx, t)
		if err != nil {
			return err
		}
		for _, acc := range all {
			info := AccountInfo{Account: acc, OrganisationName: names[acc.Organisation], HasPassword: acc.PasswordHash != ""}
			info.PasswordHash = ""
			if info.Tokens, err = t.Tokens(ctx, acc.ID); err != nil {
				return err
			}
			if info.Certificates, err = t.Certificates(ctx, acc.ID); err != nil {
				return err
			}
			grants, err := t.Grants(ctx, acc.ID)
			if err != nil {
				return err
			}
			for _, g := range grants {
				info.Grants = append(info.Grants, g)
			}
			out = append(out, info)
		}
		return nil
	})
	return out, err
}

// AccountNamed finds an account by name or id, for who reads everything.
func (n *Node) AccountNamed(ctx context.Context, a entente.Actor, name string) (AccountInfo, error) {
	all, err := n.Accounts(ctx, a)
	if err != nil {
		return AccountInfo{}, err
	}
	for _, acc := range all {
		if acc.Name == name || acc.ID == name {
			return acc, nil
		}
	}
	return AccountInfo{}, entente.Errorf(entente.NotFound, "there is no account %q", name)
}

// CollectionSize counts what a collection shows and how many versions in it are contested.
func (n *Node) CollectionSize(ctx context.Context, in entente.Access) (live, contested int64, err error) {
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		if live, err = t.Live(ctx, in.Feed); err == nil {
			contested, err = t.Contested(ctx, in.Feed)
		}
		return err
	})
	return live, contested, err
}
