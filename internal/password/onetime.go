package password

import "strings"

// letters leaves out those that are mistaken for others when read from paper or over the phone:
// 0 and o, 1, i and l.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

// OneTime returns a random password such as k7mp-x3dw-q9hb-fa2t-vn6c: 20 letters of 31 make 99 bits.
func OneTime() string {
	var b strings.Builder
	for n := 0; n < 20; {
		c := random(1)[0]
		if int(c) >= 256/len(letters)*len(letters) {
			continue // a remainder would favour the first letters
		}
		if n > 0 && n%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[int(c)%len(letters)])
		n++
	}
	return b.String()
}
