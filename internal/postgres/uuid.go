package postgres

import (
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuidCodec reads and writes ids as the sixteen bytes they are. Without it pgx takes them for database/sql's, and each
// goes through its text: two hundred of them for a page of a list.
type uuidCodec struct{ pgtype.UUIDCodec }

var errNullID = errors.New("an id is NULL")

// registerUUID makes a connection use uuidCodec, for arrays as well.
func registerUUID(m *pgtype.Map) {
	one := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	m.RegisterType(one)
	m.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: one}})
}

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if format == pgtype.BinaryFormatCode {
		switch target.(type) {
		case *uuid.UUID:
			return scanUUID{}
		case *uuid.NullUUID:
			return scanNullUUID{}
		}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if format == pgtype.BinaryFormatCode {
		switch value.(type) {
		case uuid.UUID:
			return encodeUUID{}
		case uuid.NullUUID:
			return encodeNullUUID{}
		}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

type scanUUID struct{}

func (scanUUID) Scan(src []byte, dst any) error {
	id := dst.(*uuid.UUID) //nolint:forcetypeassert // PlanScan has looked
	if src == nil {
		return errNullID
	}
	return id.UnmarshalBinary(src)
}

type scanNullUUID struct{}

func (scanNullUUID) Scan(src []byte, dst any) error {
	id := dst.(*uuid.NullUUID) //nolint:forcetypeassert // PlanScan has looked
	if id.Valid = src != nil; !id.Valid {
		id.UUID = uuid.Nil
		return nil
	}
	return id.UUID.UnmarshalBinary(src)
}

type encodeUUID struct{}

func (encodeUUID) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID) //nolint:forcetypeassert // PlanEncode has looked
	return append(buf, id[:]...), nil
}

type encodeNullUUID struct{}

func (encodeNullUUID) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.NullUUID) //nolint:forcetypeassert // PlanEncode has looked
	if !id.Valid {
		return nil, nil
	}
	return append(buf, id.UUID[:]...), nil
}
