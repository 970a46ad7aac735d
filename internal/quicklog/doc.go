// Package quicklog reads one line of text such as
//
//	call anna @acme 15m yesterday 15:00: renewal agreed #held >fri send contract
//
// as the fields of an interaction and of the next step, in English and Italian. It knows words and clocks only: whom a
// name means, and whether anything is saved, is for others to say.
//
// # The line
//
//	[channel] [names and facts]: [subject] [#outcome] [>when what]
//
// Facts and names stand in any order. Case does not matter. Examples shows every rule at work.
//
//   - The channel is the first word (Channels lists them); a line may do without.
//   - Before the colon free words are the contact. @ begins the organization, which takes all free words that follow it
//     immediately: write the contact first, or quote one of the two, as in @"acme holding" or "anna maria".
//   - A word with a digit in it, or without a letter, is no name; it stays in the text. Quoted, it is one.
//   - A duration is 15m, 1h30, 90', half an hour, mezz'ora; from one minute to a day.
//   - The direction of a call or an e-mail is in, out, incoming, entrante and the like, or from, to, da before the name,
//     right after the channel. "a" before the name counts after chiamata, chiamato, telefonata and telefonato only.
//   - When it happened is a day, a time, or both. A weekday is the last one, today included unless the time lies ahead. A
//     date without a year is the last one, day first. A time alone is today's, or yesterday's if that lies more than
//     twelve hours ahead. A day alone is noon; today alone is now.
//   - Without a colon, only what stands before the first other word is understood, and with an @ the words before it are
//     the contact. The rest is the subject. There @ takes one word, unless it is quoted.
//   - A colon between two digits, or before //, is none.
//   - # begins the outcome when a letter or a quote follows: one word, or more in quotes. Outcomes lists those with another
//     name; the first one counts.
//   - > begins the next step: when, and then what. A weekday is the next one, never today; a date without a year is the
//     next one; a time alone is the next such time. Next week is its Monday, and next month its first day, where
//     in a week is seven days from today. Without a when at its beginning, one at its end counts, and stays in the title.
//
// # What is kept
//
// Only what has a field of its own leaves the text. Whatever else was typed stays in the subject or, where it has no
// place there, in the body: words before the colon that mean nothing, what a subject has no room for, everything after
// MaxLine characters or the end of the first line. Parts says of every character where it went, and a fuzz test holds
// Parse to it.
package quicklog
