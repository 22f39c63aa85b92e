use super::{origin, read, seconds, spec};
use crate::read::SequentialTurn;
use crate::systems::files::FilesSource;
use staunch_commit::SplitPoint;
#[test]
fn flights() {
    let object = r#"{"path": "flights.csv.gz", "format": "csv", "nulls": ["NA"]}"#;
    let fields = "year:int month:int day:int dep_time:int? sched_dep_time:int dep_delay:int? arr_time:int? sched_arr_time:int arr_delay:double? carrier:string flight:int tailnum:string? origin:string dest:string air_time:int? distance:double hour:int minute:int time_hour:ts";
    for after in [0, 3600, 72000] {
        let mut spec = spec(std::path::Path::new(&std::env::var("DATA").unwrap()), fields, object);
        spec.late_after = seconds(after);
        let source = FilesSource::new(spec).unwrap();
        let (out, points) = read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), None).unwrap();
        println!("after {after}: found {} rows {} dead {} late {} chunks {} first {} ", out.found, out.rows.len(), out.dead.len(), out.late.len(), points.len(), out.rows[0]);
    }
    let object = r#"{"path": "weather.csv.gz", "format": "csv", "nulls": ["NA"]}"#;
    let source = FilesSource::new(spec(std::path::Path::new(&std::env::var("DATA").unwrap()), "origin:string year:int temp:double? wind_dir:int? pressure:double? precip:decimal time_hour:ts", object)).unwrap();
    let (out, _) = read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), None).unwrap();
    println!("weather found {} rows {} dead {} {:?} {}", out.found, out.rows.len(), out.dead.len(), out.dead.first(), source.describe());
}
