package store

import "entente"

// postgresCatalogue lists tables, their columns, kinds and places in the primary key.
const postgresCatalogue = `SELECT c.table_name::text, c.column_name::text, c.data_type::text, COALESCE(k.ordinal_position, 0)::bigint
	FROM information_schema.columns c JOIN information_schema.tables b
		ON b.table_schema = c.table_schema AND b.table_name = c.table_name AND b.table_type = 'BASE TABLE'
	LEFT JOIN (information_schema.table_constraints p JOIN information_schema.key_column_usage k
		ON k.constraint_schema = p.constraint_schema AND k.constraint_name = p.constraint_name AND p.constraint_type = 'PRIMARY KEY')
		ON p.table_schema = c.table_schema AND p.table_name = c.table_name AND k.table_name = c.table_name AND k.column_name = c.column_name
	WHERE c.table_schema = current_schema() ORDER BY c.table_name, c.ordinal_position`

// postgresStage is the database itself: its transaction is all the staging it needs.
func postgresStage(url string) (*staging, error) {
	p, err := postgresOpen(url)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the database cannot be opened: "+err.Error())
	}
	return &staging{p.write, p.close, func() { p.close() }}, nil
}
