"""Label CSVs of every dialect are read alike, and what is wrong with one is reported at once."""

import codecs
import textwrap

import pandas as pd
import pytest

from mmchangenet.datasets import LabelCsvError, read_label_csv
from mmchangenet.labels import label_csv, problems
from mmchangenet.labels.cells import EMPTY_LABEL, FOLDER_IN_NAME

HEADER = 'input_path,golden_path,label,object_name'


def write(tmp_path, content):
    path = tmp_path / 'labels.csv'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_keeps_columns_order_and_spelling(tmp_path):
    path = write(tmp_path, 'part,object_name,label,golden_path,input_path\n7.0,007,PASS,g,a\n'
                           '1e5,1e5,NA,g,a\n,None,None,g,nan\n')
    frame = read_label_csv(path)
    assert list(frame) == ['part', 'object_name', 'label', 'golden_path', 'input_path']
    assert frame.to_numpy().tolist() == [
        ['7.0', '007', 'PASS', 'g', 'a'], ['1e5', '1e5', 'NA', 'g', 'a'], ['', 'None', 'None', 'g', 'nan']]
    assert isinstance(frame.index, pd.RangeIndex)


@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
@pytest.mark.parametrize('line_end', ['\n', '\r\n', '\r'])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_dialects_read_alike(tmp_path, delimiter, line_end, encoding):
    rows = ['input_path,golden_path,label,object_name', 'a,g,PASS,R1', '', 'a,g,fehlt_ä,R2', '  ', '']
    path = write(tmp_path, line_end.join(rows).replace(',', delimiter).encode(encoding))
    assert read_label_csv(path).to_numpy().tolist() == [['a', 'g', 'PASS', 'R1'], ['a', 'g', 'fehlt_ä', 'R2']]


def test_big_endian_utf16(tmp_path):
    path = write(tmp_path, codecs.BOM_UTF16_BE + f'{HEADER}\na,g,PASS,R1\n'.encode('utf-16-be'))
    assert len(read_label_csv(path)) == 1


def test_two_byte_order_marks(tmp_path):
    assert len(read_label_csv(write(tmp_path,
                                    2 * codecs.BOM_UTF8 + f'{HEADER}\na,g,PASS,R1\n'.encode()))) == 1


def test_strips_values_and_names_and_reads_pass_in_any_case(tmp_path):
    path = write(tmp_path, ' input_path , golden_path,label ,object_name\n a ,\tg, pass , R 1 '
                           '\na,g,Pass,R2\na,g,Passive,R3\n')
    assert read_label_csv(path).to_numpy().tolist() == [
        ['a', 'g', 'PASS', 'R 1'], ['a', 'g', 'PASS', 'R2'], ['a', 'g', 'Passive', 'R3']]


def test_quoted_fields(tmp_path):
    path = write(tmp_path, f'{HEADER}\n"a, b", "g",PASS,"R""1"""\na,g,PASS,2"x4"\n')
    assert read_label_csv(path).to_numpy().tolist() == [['a, b', 'g', 'PASS', 'R"1"'],
                                                        ['a', 'g', 'PASS', '2"x4"']]


def test_what_excel_writes(tmp_path):
    header = HEADER.title().replace(',', ';')
    path = write(tmp_path, f'sep=;\r\n{header};Lot;;\r\na;g;PASS;R1;;;\r\n;;;;;;\r\na;g;ng;R2;7\r\n')
    frame = read_label_csv(path)
    assert list(frame) == [*HEADER.split(','), 'Lot']
    assert frame.to_numpy().tolist() == [['a', 'g', 'PASS', 'R1', ''], ['a', 'g', 'ng', 'R2', '7']]


def test_something_behind_the_last_name_is_no_trailing_cell(tmp_path):
    with pytest.raises(LabelCsvError, match='the header has 4; .*\n    line 2: 6 fields: a,g,PASS,R1,,x'):
        read_label_csv(write(tmp_path, f'{HEADER},,\na,g,PASS,R1,,x\na,g,PASS,R2,,\n'))


def test_the_first_line_may_name_the_delimiter(tmp_path):
    path = write(tmp_path, 'sep=;\ninput_path;golden_path;object_name;a,b,c,d,e\na;g;R1;1,2\n')
    assert read_label_csv(path).to_numpy().tolist() == [['a', 'g', 'R1', '1,2']]
    with pytest.raises(LabelCsvError,
                       match="delimiter: use comma, semicolon or tab .1x.\n    line 1: 'sep=|'"):
        read_label_csv(write(tmp_path, 'sep=|\ninput_path|golden_path|object_name\na|g|R1\n'))


def test_label_may_be_missing(tmp_path):
    assert list(read_label_csv(write(tmp_path,
                                     'input_path,golden_path,object_name\na,g,R1')))[-1] == 'object_name'


def test_chunks_join_seamlessly(tmp_path, monkeypatch):
    monkeypatch.setattr(label_csv, 'BLOCK_BYTES', 20)
    path = write(tmp_path, HEADER + ''.join(f'\na,g,PASS,R{i}\n' for i in range(10)))
    frame = read_label_csv(path)
    assert frame['object_name'].tolist() == [f'R{i}' for i in range(10)]
    assert frame.index.tolist() == list(range(10))


@pytest.mark.parametrize(('content', 'said'), [
    ('', ['the file is empty', 'input_path, golden_path, object_name and label']),
    (' \n\n', ['the file is empty']),
    (HEADER, ['header but no rows', 'add one line']),
    ('\ninput_path;label;object\na;PASS;R', ['missing column', 'input_path, label, object', "delimiter ';'",
                                             'line 2: golden_path', 'line 2: object_name', '(2x)']),
    (f'{HEADER},label,,x\na,g,PASS,R,PASS,,', ['more than once', 'line 1: label', 'column without a name']),
    (f'{HEADER}\na,g,PASS,R\na,g,PASS,R\xe4\n'.encode('latin-1'),
     ['not UTF-8', 'line 3', 'save the file as UTF-8']),
    (f'{HEADER}\na,g,PASS,R'.encode('utf-16-le'), ['zero bytes', 'save the file as UTF-8']),
])
def test_unusable_files(tmp_path, content, said):
    with pytest.raises(LabelCsvError) as error:
        read_label_csv(write(tmp_path, content))
    for words in [*said, 'labels.csv']:
        assert words in str(error.value)


def test_ragged_rows_are_all_listed_by_line(tmp_path):
    path = write(tmp_path, textwrap.dedent(f'''\
        {HEADER}
        a,g,PASS,R1,extra

        a,g,PASS,R2
        a,g,PASS
        a,g,"PASS,R3
        "a,g",PASS,R4
        '''))
    with pytest.raises(LabelCsvError) as error:
        read_label_csv(path)
    message = str(error.value)
    assert 'wrong number of fields: the header has 4' in message and '(3x)' in message
    assert 'line 2: 5 fields: a,g,PASS,R1,extra' in message
    assert 'line 5: 3 fields: a,g,PASS' in message
    assert 'line 6: a,g,"PASS,R3' in message and 'line breaks inside a field are not supported' in message
    assert 'line 7: 3 fields: "a,g",PASS,R4' in message
    assert 'R2' not in message


def test_a_first_row_that_is_too_long_is_no_index(tmp_path):
    with pytest.raises(LabelCsvError, match='line 2: 5 fields'):
        read_label_csv(write(tmp_path, f'{HEADER}\nx,a,g,PASS,R1\nx,a,g,PASS,R2\n'))


def test_long_reports_are_cut_and_counted(tmp_path):
    with pytest.raises(LabelCsvError) as error:
        read_label_csv(write(tmp_path, HEADER + '\na,g,PASS' * 50))
    assert str(error.value).count('\n    line ') == problems.LISTED
    assert f'... and {50 - problems.LISTED} more' in str(error.value)


@pytest.mark.parametrize(('row', 'said'), [
    ('a,/b,PASS,R', "line 2: golden_path '/b'"),
    ('C:/a,b,PASS,R', "line 2: input_path 'C:/a'"),
    ('x/../../a,b,PASS,R', 'leaves the image folder'),
    ('a,b,PASS,c/d', "a folder in an object name: move it into input_path and golden_path (1x)"),
    ('a,b,PASS,', "line 2: object_name ''"),
    ('a,b,\xa0,R',
     'empty cell: write PASS or the name of the defect, delete the row, or delete the whole column'),
    ('a,b,PASS\u200b,R', r"line 2: label 'PASS\u200b'"),
    ('a,b,\uff30\uff21\uff33\uff33,R', 'looks like PASS but has full-width or invisible characters'),
    (f'a,b,PASS,{"x" * 131_072}', 'a line of more than 131072 characters'),
    (f'"a",b,PASS,{"x" * 131_072}', 'a line of more than 131072 characters'),
])
def test_cells_that_cannot_be_used(tmp_path, row, said):
    with pytest.raises(LabelCsvError) as error:
        read_label_csv(write(tmp_path, f'{HEADER}\n{row}\na,b,PASS,R2\n'))
    assert said in str(error.value) and len(str(error.value)) < 1000


@pytest.mark.parametrize('content', [b'\xff\xfea\0\n\0\x00\xd8b\0', b'\xff\xfea\0\n\0b'])
def test_damaged_utf16(tmp_path, content):
    with pytest.raises(LabelCsvError, match='not UTF-16, .*\n    line 2: '):
        read_label_csv(write(tmp_path, content))


def test_other_words_may_mean_pass(tmp_path):
    rows = 'a,g,OK,R1\na,g,ok,R2\na,g,NG,R3\na,g,0,R4\na,g,pass,R5\n'
    path = write(tmp_path, f'{HEADER}\n{rows}')
    assert read_label_csv(path)['label'].tolist() == ['OK', 'ok', 'NG', '0', 'PASS']
    assert read_label_csv(path, pass_labels=['OK', 0])['label'].tolist() == ['PASS', 'PASS', 'NG', 'PASS',
                                                                             'PASS']


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.csv: check the path .*ann_file and data_root'):
        read_label_csv(tmp_path / 'nowhere.csv')


def test_a_folder_in_a_name_and_an_empty_label_are_taken_where_allowed(tmp_path):
    path = write(tmp_path, f'{HEADER}\na,g,,x/R1\n')
    for allowed, said in (([], 'a folder in an object name'), ([FOLDER_IN_NAME], 'empty cell'),
                          ([EMPTY_LABEL], 'a folder in an object name')):
        with pytest.raises(LabelCsvError, match=said):
            read_label_csv(path, allow=allowed)
    frame = read_label_csv(path, allow=[FOLDER_IN_NAME, EMPTY_LABEL])
    assert frame.to_numpy().tolist() == [['a', 'g', '', 'x/R1']]
    with pytest.raises(ValueError, match="give a list of some of 'folder in object_name', 'empty label'"):
        read_label_csv(path, allow='empty label')


@pytest.mark.parametrize('name', ['/R1', '../R1', 'x/../../R1', 'x/', 'x\\R1', ''])
def test_a_folder_in_a_name_never_leads_elsewhere(tmp_path, name):
    with pytest.raises(LabelCsvError, match='leads elsewhere|empty cell'):
        read_label_csv(write(tmp_path, f'{HEADER}\na,g,PASS,{name}\n'), allow=[FOLDER_IN_NAME])
