// Package arch holds the rules of the code base as tests: who may import whom, which sentences people are
// shown, whether generated code is current. It has no code of its own and nothing imports it.
package arch
