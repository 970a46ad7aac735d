package main

import "fmt"

type configCmd struct{}

// Run prints each setting as it would stand in a file, and its source.
func (configCmd) Run(a *app) error {
	table := a.table()
	for _, v := range a.Describe() {
		if v.Name == "CRM_DATA_DIR" && v.Value == "" {
			v.Value = a.dataDir()
		}
		table.row(v.Name+"="+v.Value, fmt.Sprintf("(%s)", v.Source))
	}
	table.flush()
	return nil
}
