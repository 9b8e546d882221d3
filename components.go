package entente

// components gives the strongly connected components of a graph, what an edge leads to
// before what it comes from (Tarjan 1972). Edges to what is not among the nodes must not
// be given. It keeps its own stack: chains of references may be of any length.
func components(nodes []ObjectID, edges func(ObjectID) []ObjectID) [][]ObjectID {
	type visit struct {
		id   ObjectID
		to   []ObjectID
		next int
	}
	index := map[ObjectID]int{}
	low := map[ObjectID]int{}
	on := map[ObjectID]bool{}
	var stack []ObjectID
	var out [][]ObjectID
	open := func(id ObjectID) visit {
		index[id] = len(index) + 1
		low[id] = index[id]
		stack = append(stack, id)
		on[id] = true
		return visit{id: id, to: edges(id)}
	}
	for _, root := range nodes {
		if index[root] != 0 {
			continue
		}
		path := []visit{open(root)}
		for len(path) > 0 {
			v := &path[len(path)-1]
			if v.next < len(v.to) {
				to := v.to[v.next]
				v.next++
				switch {
				case index[to] == 0:
					path = append(path, open(to))
				case on[to]:
					low[v.id] = min(low[v.id], index[to])
				}
				continue
			}
			done := *v
			path = path[:len(path)-1]
			if len(path) > 0 {
				above := path[len(path)-1].id
				low[above] = min(low[above], low[done.id])
			}
			if low[done.id] != index[done.id] {
				continue
			}
			var group []ObjectID
			for {
				last := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				on[last] = false
				group = append(group, last)
				if last == done.id {
					break
				}
			}
			out = append(out, group)
		}
	}
	return out
}
