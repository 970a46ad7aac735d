package web

import "context"

func showCode(_ context.Context, _ *visit) (response, error)  { panic("TODO") }
func checkCode(_ context.Context, _ *visit) (response, error) { panic("TODO") }
