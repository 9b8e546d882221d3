package main

import (
	"context"

	"entente"
	"entente/node"
)

// mostCalled is of how many objects at most the names are looked up for one list.
const mostCalled = 200

// called gives what people call objects, of those that the account may read. To a reviewer
// each read is one of his that the ledger tells of, so none is made on the side.
func (a *app) called(ctx context.Context, n *node.Node, who entente.Actor, ids []entente.ObjectID) (map[entente.ObjectID]string, error) {
	names := map[entente.ObjectID]string{}
	if a.json || !who.Local && who.Account.Holds(entente.Reviewer, who.At) {
		return names, nil
	}
	for _, id := range ids {
		if _, ok := names[id]; ok || id == "" {
			continue
		}
		if len(names) == mostCalled {
			break
		}
		names[id] = ""
		versions, err := n.Object(ctx, who, id)
		if entente.KindOf(err) == entente.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			if name := title(v.Bytes); name != "" && (v.Latest || names[id] == "") {
				names[id] = shorten(plain(name), 40)
			}
		}
	}
	return names, nil
}
