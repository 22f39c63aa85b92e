//! The quirks of CSV.

use super::read_text;
use staunch_types::codes;

const CSV: &str = r#"{"path": "x.csv", "format": "csv"}"#;

/// Rows and dead rows of a CSV text under a contract.
fn check(fields: &str, text: &str, rows: &[&str], dead: &[&str]) {
    check_with(fields, CSV, text.as_bytes(), rows, dead);
}

fn check_with(fields: &str, options: &str, text: &[u8], rows: &[&str], dead: &[&str]) {
    let outcome = read_text("x.csv", text, fields, options).unwrap();
    let shown = String::from_utf8_lossy(text);
    assert_eq!(outcome.rows, rows, "rows of {shown:?}");
    assert_eq!(outcome.dead, dead, "dead rows of {shown:?}");
}

#[test]
fn records() {
    let f = "a:long b:string?";
    check(f, "a,b\n1,x\n2,y\n", &["4: 1|x", "8: 2|y"], &[]);
    check(f, "a,b\r\n1,x\r\n2,y", &["5: 1|x", "10: 2|y"], &[]);
    check(f, "\u{FEFF}a,b\n1,x\n", &["7: 1|x"], &[]);
    check(f, "b,a\nx,1\n", &["4: 1|x"], &[]);
    check(f, "a,b", &[], &[]);
    check(f, "a,b\n", &[], &[]);
    check(f, "\n\na,b\n\n1,x\n\r\n\n", &["7: 1|x"], &[]);
    check("a:long", "a\n1\n2\n", &["2: 1", "4: 2"], &[]);
    check("a:long?", "a\n1\n\n2\n", &["2: 1", "4: ∅", "5: 2"], &[]);
    check("b:string", "b\nb\nb\n", &["2: b", "4: b"], &[]);
}

#[test]
fn ragged_records_and_repeated_headers_are_dead() {
    check(
        "a:long b:string?",
        "a,b\n1,x\n2\n3,y,z\na,b\n4,w\n",
        &["4: 1|x", "20: 4|w"],
        &[
            "8/3 Decode.Malformed the record has another number of columns than the file: 2",
            "10/4 Decode.Malformed the record has another number of columns than the file: 3,y,z",
            "16/5 Decode.Malformed the record repeats the header: a,b",
        ],
    );
    check(
        "a:string b:string",
        "a,b\n\"x\",1,2\n\"a\",b\na,b\n\"y\",z\n",
        &["12: a|b", "22: y|z"],
        &[
            "4/2 Decode.Malformed the record has another number of columns than the file: \"x\",1,2",
            "18/4 Decode.Malformed the record repeats the header: a,b",
        ],
    );
}

#[test]
fn quotation_marks() {
    let f = "a:string b:long";
    check(f, "a,b\n\"x,y\",1\n", &["4: x,y|1"], &[]);
    check(f, "a,b\n\"x\ny\",1\nz,2\n", &["4: x\ny|1", "12: z|2"], &[]);
    check(f, "a,b\n\"say \"\"hi\"\"\",\"1\"\r\n", &["4: say \"hi\"|1"], &[]);
    check(f, "a,b\n5\" pipe,1\n", &["4: 5\" pipe|1"], &[]);
    check(f, "\"a\",\"b\"\nx,1\n", &["8: x|1"], &[]);
    check(
        f,
        "a,b\n\"x\"y,1\nz,2\n",
        &["11: z|2"],
        &["4/2 Decode.Malformed text follows a closing quotation mark: \"x\"y,1"],
    );
    check(
        f,
        "a,b\nw,1\n\"x,2\nz,3\n",
        &["4: w|1", "13: z|3"],
        &["8/3 Decode.Malformed a quotation mark is never closed: \"x,2"],
    );
    // One bad line costs one line, though a later mark would close it.
    check(
        f,
        "a,b\n\"w,1\nx,2\r\n\"y\n\",3\n\"z\",4\n",
        &["9: x|2", "14: y\n|3", "21: z|4"],
        &["4/2 Decode.Malformed a quotation mark is never closed: \"w,1"],
    );
    check(
        f,
        "a,b\n\"w\nv\",\"1\nx,2\n",
        &["13: x|2"],
        &["4/2 Decode.Malformed a quotation mark is never closed: \"w\nv\",\"1"],
    );
    let odd = r#"{"path": "x.csv", "format": "csv", "delimiter": ";", "quote": "'"}"#;
    check_with(f, odd, b"a;b\n'x;''\"';1\n", &["4: x;'\"|1"], &[]);
}

#[test]
fn nulls() {
    let f = "a:long? b:string? c:string";
    check(f, "a,b,c\n,,\n\"\",\"\",\"\"\n", &["6: ∅|∅|", "9: ∅||"], &[]);
    check(
        "a:long b:long",
        "a,b\n,1\n",
        &[],
        &["4/2 Contract.Violation `a` is null, but the contract says that it never is: ,1"],
    );
    let na = r#"{"path": "x.csv", "format": "csv", "nulls": ["NA"]}"#;
    check_with(
        f,
        na,
        b"a,b,c\nNA,NA,x\n1,\"NA\",\n1,,NA\n,x,x\n",
        &["6: ∅|∅|x", "14: 1|NA|"],
        &[
            "22/4 Contract.Violation `c` is null, but the contract says that it never is: 1,,NA",
            "28/5 Decode.Type `a` is not a whole number: ,x,x",
        ],
    );
    let both = r#"{"path": "x.csv", "format": "csv", "nulls": ["", "NULL"]}"#;
    check_with(f, both, b"a,b,c\nNULL,,x\n,NULL,x\n", &["6: ∅|∅|x", "14: ∅|∅|x"], &[]);
}

#[test]
fn every_type() {
    let f = "b:boolean i:int l:long f:float d:double y:bytes s:string e:enum n:decimal da:date tm:time-millis t:time ts:ts-millis tu:ts lo:local u:uuid";
    let header = "b,i,l,f,d,y,s,e,n,da,tm,t,ts,tu,lo,u\n";
    let good = "TRUE,-5,9223372036854775807,1.5,0.1,xy,Zoë,red,12.5,2024-02-29,05:17,23:59:59.999999,2024-01-01T00:00:00.001Z,2024-01-01 00:00:00.000001,2024-01-01 00:00,00112233-4455-6677-8899-AABBCCDDEEFF\n";
    let text = format!("{header}{good}");
    check(
        f,
        &text,
        &[
            "37: true|-5|9223372036854775807|1.5|0.1|7879|Zoë|red|12.50|2024-02-29|05:17:00|23:59:59.999999|2024-01-01T00:00:00.001Z|2024-01-01T00:00:00.000001Z|2024-01-01T00:00:00|00112233-4455-6677-8899-aabbccddeeff",
        ],
        &[],
    );
    let fields: Vec<&str> = good.trim_end().split(',').collect();
    for (index, bad, wanted) in [
        (0, "yes", "Decode.Type `b` is neither true nor false"),
        (1, "2147483648", "Decode.Type `i` is a whole number beyond the range of its type"),
        (2, "9223372036854775808", "Decode.Type `l` is a whole number beyond the range of its type"),
        (2, "1.0", "Decode.Type `l` is not a whole number"),
        (3, "1e39", "Decode.Type `f` is a number beyond the range of its type"),
        (4, "1.2.3", "Decode.Type `d` is not a number"),
        (7, "blue", "Contract.Violation `e` is not a symbol of its enum"),
        (8, "1.005", "Decode.Type `n` has more digits after the point than its type holds"),
        (8, "12345678.9", "Decode.Type `n` has more digits than its type holds"),
        (9, "2023-02-29", "Decode.Type `da` is not a date"),
        (10, "05:17:00.0001", "Decode.Type `tm` has finer fractions of a second than its type holds"),
        (11, "24:00", "Decode.Type `t` is not a time of day"),
        (
            12,
            "2024-01-01T00:00:00.0001Z",
            "Decode.Type `ts` has finer fractions of a second than its type holds",
        ),
        (13, "2024-01-01", "Decode.Type `tu` is not a timestamp"),
        (14, "2024-01-01 00:00Z", "Decode.Type `lo` names a zone, but its type is a local reading"),
        (15, "x", "Contract.Violation `u` is not a uuid"),
    ] {
        let mut row = fields.clone();
        row[index] = bad;
        let line = row.join(",");
        let text = format!("{header}{line}\n");
        check(f, &text, &[], &[&format!("37/2 {wanted}: {line}")]);
        assert!(!wanted.contains(bad), "a message quotes a value");
    }
    check("d:double", "d\nNaN\n-inf\n", &["2: NaN", "6: -inf"], &[]);
}

#[test]
fn bytes_that_are_no_text() {
    check_with(
        "a:string b:long y:bytes",
        CSV,
        b"a,b,y\nx,1,\xFF\n\xFF,2,z\ny,3,w\n",
        &["6: x|1|ff", "18: y|3|77"],
        &["12/3 Decode.Malformed `a` is not UTF-8: \u{FFFD},2,z"],
    );
    // Half a character in one field and its rest in the next are two bad fields, not one good text.
    check_with(
        "a:string b:string",
        CSV,
        b"a,b\n\xC3,\xA9\n",
        &[],
        &["4/2 Decode.Malformed `a` is not UTF-8: \u{FFFD},\u{FFFD}"],
    );
}

#[test]
fn dates_in_other_formats() {
    let options = r#"{"path": "x.csv", "format": "csv", "dates": {"d": "%d.%m.%Y", "t": "%d.%m.%Y %H:%M"}}"#;
    check_with(
        "d:date t:ts",
        options,
        b"d,t\n24.12.2024,24.12.2024 18:30\n2024-12-24,24.12.2024 18:30\n",
        &["4: 2024-12-24|2024-12-24T18:30:00Z"],
        &["32/3 Decode.Type `d` does not follow the format that `dates:` gives: 2024-12-24,24.12.2024 18:30"],
    );
}

#[test]
fn files_without_header_and_with_other_names() {
    let bare = r#"{"path": "x.csv", "format": "csv", "header": false}"#;
    check_with("a:long b:string", bare, b"1,x\n2,y\n", &["0: 1|x", "4: 2|y"], &[]);
    let renamed = r#"{"path": "x.csv", "format": "csv", "rename": {"Id No.": "a"}}"#;
    check_with("a:long b:string?", renamed, b"Id No.,z\n7,x\n", &["9: 7|∅"], &[]);
}

#[test]
fn headers_that_do_not_fit() {
    let refused = |fields: &str, text: &str| {
        let error = read_text("x.csv", text.as_bytes(), fields, CSV).unwrap_err();
        assert_eq!(error.code(), codes::SOURCE_SCHEMA);
        assert!(error.where_().file.as_ref().unwrap().ends_with("x.csv"));
        let all: Vec<String> =
            error.all().map(|e| format!("{} ({})", e.message(), e.next_step().unwrap())).collect();
        all.join("; ")
    };
    assert_eq!(
        refused("amount:long b:long c:long?", "amuont,b\n1,2\n"),
        "the file has no column `amount`, and `amount` is never null (did the file mean `amuont`? then write `rename: {amuont: amount}`)"
    );
    assert!(refused("a:long", "a,b,b\n1,2,3\n").contains("names the column `b` twice"));
    assert!(refused("a:long b:long c:long", "c\n1\n").matches("the file has no column").count() == 2);
    // A record in place of the header is not quoted, and not taken for columns of which all are missing.
    for text in ["secret,secret\nsecret,1\n", "a;b\n1;2\n"] {
        let told = refused("a:long? b:string?", text);
        assert!(
            told.starts_with(
                "the first line names none of the columns that are wanted: `a`, `b` (if it is no header"
            ),
            "{told}"
        );
        assert!(!told.contains("secret"), "{told}");
    }
    assert!(refused("a:long b:long?", "a,b\r1,2\r3,4\r").contains("behind a carriage return"));
    // Only contract columns matter: others may have any name, but none twice.
    let outcome = read_text("x.csv", b"a,,\n1,2,3\n", "a:long", CSV).unwrap();
    assert_eq!(outcome.rows, ["4: 1"]);
}

#[test]
fn a_record_beyond_the_limit_stops_the_read() {
    let options = r#"{"path": "x.csv", "format": "csv", "max_record": 10}"#;
    let error = read_text("x.csv", b"a\n1\n\"2\n\"3456789012\n12\n", "a:string", options).unwrap_err();
    assert_eq!(error.code(), codes::SOURCE_TOO_LARGE);
    assert_eq!(error.message(), "the record at byte 7 is larger than 10 bytes");
    assert_eq!(error.where_().line, Some(4));
    // A mark that would be closed only behind the limit costs its line.
    let outcome = read_text("x.csv", b"a\n1\n\"2\n3456789\n12\"\n", "a:string", options).unwrap();
    assert_eq!(outcome.rows, ["2: 1", "7: 3456789", "15: 12\""]);
    assert_eq!(outcome.dead, ["4/3 Decode.Malformed a quotation mark is never closed: \"2"]);
}

#[test]
fn fixed_types_durations_and_nanoseconds_have_their_text() {
    let text = b"a,b,c\n00ff,P1M2DT3.004S,2026-01-31T10:00:00.123456789Z\n,,\n00f,P1D,2026-01-31T10:00:00Z\n00ff00,P1D,2026-01-31T10:00:00Z\n00FF,1 day,2026-01-31T10:00:00Z\n00ff,P1D,1600-01-31T10:00:00Z\n00ff,P1D,2026-01-31T10:00:00.0000000001Z\n";
    let found =
        read_text("x.csv", text, "a:fixed? b:duration? c:nanos?", r#"{"path": "x.csv", "format": "csv"}"#)
            .unwrap();
    assert_eq!(found.rows.len(), 2, "{:?}", found.rows);
    assert!(found.rows[0].contains("00ff") && found.rows[0].contains("123456789"), "{:?}", found.rows);
    let reasons: Vec<_> =
        found.dead.iter().map(|d| d.split(": ").next().unwrap().split_once(' ').unwrap().1).collect();
    assert_eq!(
        reasons,
        [
            "Decode.Type `a` is not a row of hexadecimal digits",
            "Decode.Type `a` has not as many bytes as its type",
            "Decode.Type `b` is not a duration such as P1M2DT3.004S",
            "Decode.Type `c` is beyond the years 1677 to 2262, which nanoseconds of 64 bits hold",
            "Decode.Type `c` has finer fractions of a second than its type holds",
        ]
    );
}
