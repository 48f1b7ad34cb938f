"""The runtime reads the label CSVs that training reads, without pandas."""

import pytest

from mmchangenet.datasets import read_label_csv
from mmchangenet.runtime import LabelRows, LabelRowsError

PLAIN = 'input_path,golden_path,label,object_name\nb1,g,pass,R1\nb2,g,NA,"R,2"\n'


@pytest.mark.parametrize('content', [
    PLAIN.encode(),
    PLAIN.encode('utf-8-sig'),
    PLAIN.encode('utf-16'),
    PLAIN.replace('\n', '\r\n').encode(),
    PLAIN.replace('\n', '\r').encode(),
    PLAIN.replace('\n', '\n\n').encode(),
    PLAIN.replace('"R,2"', 'R2').replace(',', ';').encode(),
    PLAIN.replace('"R,2"', 'R2').replace(',', '\t').encode(),
    PLAIN.replace('"R,2"', 'R2').replace(',', ' , ').encode(),
    'object_name,note,input_path,golden_path\nR1,a\x0cb\u2028c,sub\\b1,.\n'.encode(),
])
def test_the_same_rows_as_in_training(content, tmp_path):
    (tmp_path / 'labels.csv').write_bytes(content)
    rows, expected = LabelRows(tmp_path / 'labels.csv'), read_label_csv(str(tmp_path / 'labels.csv'))
    assert rows.columns == list(expected.columns)
    assert rows.rows == expected.to_numpy().tolist()


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'empty'),
    (b'input_path,golden_path\n', 'object_name'),
    (b'input_path,golden_path,object_name,label,label\na,b,c,d,e\n', 'label'),
    (b'input_path,golden_path,object_name\n', 'no rows'),
    (b'input_path,golden_path,object_name\na,b\n', 'line 2: 2 fields, the header has 3'),
    (b'input_path,golden_path,object_name\na,b,"c\n', 'line 2'),
    (b'input_path,golden_path,object_name\na,/b,c\n', "line 2: golden_path '/b' is an absolute path"),
    (b'input_path,golden_path,object_name\nx/../../a,b,c\n', 'leaves the image folder'),
    (b'input_path,golden_path,object_name\na,b,c/d\n', 'has a folder in it'),
    (b'input_path,golden_path,object_name\na,b,\n', 'empty cell'),
    (b'input_path,golden_path,object_name\na,b,\xff\n', 'line 2: not UTF-8'),
])
def test_what_is_wrong_is_told_by_line(content, message, tmp_path):
    (tmp_path / 'labels.csv').write_bytes(content)
    with pytest.raises(LabelRowsError, match='labels.csv') as error:
        LabelRows(tmp_path / 'labels.csv')
    assert message in str(error.value)


def test_a_score_column_of_its_own_is_replaced(tmp_path):
    (tmp_path / 'labels.csv').write_text('input_path,siamese_score,golden_path,object_name\na,0.5,g,R1\na,0.5,g,R2\n')
    LabelRows(tmp_path / 'labels.csv').write_scores(tmp_path / 'out' / 'scores.csv', [0.25, float('nan')])
    assert (tmp_path / 'out' / 'scores.csv').read_text() == (
        'input_path,siamese_score,golden_path,object_name\na,0.25,g,R1\na,,g,R2\n')
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['scores.csv']
