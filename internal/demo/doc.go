// Package demo makes up a firm, Northgate & Co., so that the product can be seen at work: its people,
// its clients and two years of calls, meetings, e-mails and notes. It is a pure function of a point
// in time: no database, no randomness that differs from run to run, and nobody real.
package demo
