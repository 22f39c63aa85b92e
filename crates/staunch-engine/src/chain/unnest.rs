//! A row for each element of a list.

use super::run::Rows;
use crate::sql::memory;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_types::{Error, Result, codes};

/// What the text of an `unnest` says is taken apart, by the name of the column that DataFusion makes of it.
pub(crate) fn taken_apart(column: &str) -> Option<&str> {
    column.strip_prefix("__unnest_placeholder(")?.strip_suffix(')')
}

/// The most rows that one batch may become.
const MOST_ELEMENTS: usize = 1 << 24;

/// An unnest that is ready to run.
#[derive(Debug)]
pub(crate) struct BoundUnnest {
    /// The columns of the input that are taken apart.
    pub(crate) lists: Vec<usize>,
    /// The column of the input that each output column comes from: an element of it, if it is one of `lists`, else the value as it is.
    pub(crate) from: Vec<usize>,
    /// The output; all nullable.
    pub(crate) schema: SchemaRef,
}

/// Begin and end of a row's elements.
type Bounds<'a> = Box<dyn Fn(usize) -> (usize, usize) + 'a>;

/// Where the elements of a list column lie.
struct Lists<'a> {
    column: &'a dyn Array,
    values: ArrayRef,
    /// Begin and end of a row's elements in `values`.
    bounds: Bounds<'a>,
}

impl<'a> Lists<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self> {
        let (values, bounds): (_, Bounds<'a>) = match column.data_type() {
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                let at = move |i: usize| list.value_offsets().get(i).map_or(0, |o| *o as usize);
                (list.values().clone(), Box::new(move |row| (at(row), at(row + 1))))
            }
            DataType::LargeList(_) => {
                let list = column.as_list::<i64>();
                let at = move |i: usize| list.value_offsets().get(i).map_or(0, |o| *o as usize);
                (list.values().clone(), Box::new(move |row| (at(row), at(row + 1))))
            }
            DataType::FixedSizeList(_, size) => {
                let size = usize::try_from(*size).unwrap_or_default();
                (
                    column.as_fixed_size_list().values().clone(),
                    Box::new(move |row| (row * size, (row + 1) * size)),
                )
            }
            _ => return Err(bug()),
        };
        Ok(Self { column: column.as_ref(), values, bounds })
    }

    /// Begin and end of a row's elements; a null has none.
    fn row(&self, row: usize) -> (usize, usize) {
        if self.column.is_null(row) { (0, 0) } else { (self.bounds)(row) }
    }
}

impl BoundUnnest {
    /// A row for each element. Of several lists the first elements come together, then the second; those of a shorter list are null.
    pub(crate) fn run(&self, rows: Rows) -> Result<Rows> {
        let lists: Vec<Lists<'_>> =
            self.lists.iter().map(|l| Lists::of(rows.batch.column(*l))).collect::<Result<_>>()?;
        let mut of_row: Vec<u32> = Vec::with_capacity(rows.len());
        let mut elements: Vec<Vec<Option<u32>>> = vec![Vec::with_capacity(rows.len()); lists.len()];
        for (row, number) in (0..rows.len()).zip(0_u32..) {
            let bounds: Vec<(usize, usize)> = lists.iter().map(|l| l.row(row)).collect();
            let longest = bounds.iter().map(|(from, to)| to.saturating_sub(*from)).max().unwrap_or_default();
            if of_row.len() + longest > MOST_ELEMENTS {
                return Err(memory("an UNNEST in which one batch has more than 16 million elements"));
            }
            of_row.extend(std::iter::repeat_n(number, longest));
            for (taken, (from, to)) in elements.iter_mut().zip(bounds) {
                taken.extend(
                    (from..from + longest).map(|e| (e < to).then(|| u32::try_from(e).ok()).flatten()),
                );
            }
        }
        let origin = of_row.iter().filter_map(|r| rows.origin.get(*r as usize).copied()).collect();
        let of_row = UInt32Array::from(of_row);
        let elements: Vec<UInt32Array> = elements.into_iter().map(UInt32Array::from).collect();
        let mut columns = Vec::with_capacity(self.from.len());
        for from in &self.from {
            let column = match self.lists.iter().position(|l| l == from) {
                Some(at) => take(&lists[at].values, &elements[at], None),
                None => take(rows.batch.column(*from), &of_row, None),
            };
            columns.push(column.map_err(|_| bug())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(of_row.len()));
        let batch =
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(|_| bug())?;
        Ok(Rows { batch, origin })
    }
}

fn bug() -> Error {
    Error::new(codes::INTERNAL, "a list cannot be taken apart").hint("report this with the SQL of the stage")
}

#[cfg(test)]
mod tests {
    use crate::sql::tests::{Input, check, input, plan};

    fn items() -> Input {
        input(
            "items",
            "id long, tags string?, n int",
            "1 | a;b;c | 2
             2 | NULL | 1
             3 |  | 0
             4 | d;7 | 5",
        )
    }

    #[test]
    fn each_element_is_a_row_of_its_input_row() {
        // Text without anything in it has no elements; neither has a null.
        check(
            "SELECT id, unnest(string_to_array(tags, ';')) AS tag FROM items",
            &[items()],
            "
            100: 1 | a
            100: 1 | b
            100: 1 | c
            103: 4 | d
            103: 4 | 7
            passed 2 filtered 2 dead 0",
        );
        check(
            "SELECT unnest([n, n + 1]) AS u FROM items WHERE n > 1",
            &[items()],
            "
            100: 2
            100: 3
            103: 5
            103: 6
            passed 2 filtered 2 dead 0",
        );
        check(
            "SELECT upper(tag) AS tag, id FROM (SELECT id, unnest(string_to_array(tags, ';')) AS tag FROM items) t WHERE tag <> 'b'",
            &[items()],
            "
            100: A | 1
            100: C | 1
            103: D | 4
            103: 7 | 4
            passed 2 filtered 2 dead 0",
        );
        check(
            "SELECT id FROM (SELECT id, unnest(string_to_array(tags, ';')) AS tag FROM items) t",
            &[items()],
            "
            100: 1
            100: 1
            100: 1
            103: 4
            103: 4
            passed 2 filtered 2 dead 0",
        );
    }

    #[test]
    fn several_lists_go_side_by_side() {
        check(
            "SELECT id, unnest(string_to_array(tags, ';')) AS tag, unnest([id, n]) AS u FROM items WHERE id <> 4",
            &[items()],
            "
            100: 1 | a | 1
            100: 1 | b | 2
            100: 1 | c | NULL
            101: 2 | NULL | 2
            101: 2 | NULL | 1
            102: 3 | NULL | 3
            102: 3 | NULL | 0
            passed 3 filtered 1 dead 0",
        );
    }

    #[test]
    fn what_fails_costs_the_input_row() {
        // The list cannot be made: row 3 is dead.
        check(
            "SELECT id, unnest([10 / n, 1]) AS u FROM items WHERE id > 2",
            &[items()],
            "
            103: 4 | 2
            103: 4 | 1
            102: dead Sql.Expression [-] `[(10 / CAST(\"items\".n AS BIGINT)), 1]` failed: division by zero
            passed 1 filtered 2 dead 1",
        );
        // One element of row 4 can be cast and one cannot: all of the row is dead.
        check(
            "SELECT id, CAST(unnest(string_to_array(tags, ';')) AS BIGINT) AS x FROM items WHERE id = 4",
            &[items()],
            "
            103: dead Sql.Expression [x] `CAST(unnested AS BIGINT)` failed: a value cannot be cast to the type that is wanted
            passed 0 filtered 3 dead 1",
        );
    }

    #[test]
    fn the_result_is_nullable_and_has_no_key() {
        let inputs = [items().key(&["id"])];
        let made = plan("SELECT id, unnest(string_to_array(tags, ';')) AS tag FROM items", &inputs).unwrap();
        let nullable: Vec<bool> = made.contract.fields.iter().map(|f| f.nullable).collect();
        assert_eq!(nullable, [false, true]);
        assert!(made.contract.key.is_empty(), "{:?}", made.contract.key);
        let sql = "SELECT tag FROM (SELECT unnest(string_to_array(tags, ';')) AS tag FROM items) t WHERE tag IS NOT NULL";
        assert!(!plan(sql, &inputs).unwrap().contract.fields[0].nullable);
    }

    #[test]
    fn personal_values_stay_personal() {
        let inputs = [items().pii("tags", "email")];
        let made = plan("SELECT id, unnest(string_to_array(tags, ';')) AS tag FROM items", &inputs).unwrap();
        let classes: Vec<_> = made.contract.fields.iter().map(|f| f.classes()).collect();
        assert_eq!(classes, ["", "email"]);
    }
}
